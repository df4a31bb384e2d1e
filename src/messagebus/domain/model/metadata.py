"""What a message says about its own schema."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Metadata(BaseModel):
    """Name and version of a message's schema, and whether it leaves the process.

    It is defined once, with the message class, and can not change: pydantic would otherwise
    have to copy it for each message. Subclass it to say more about your messages.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(...)
    """Name of the schema. It stays the same when the class is renamed."""
    schema_version: int = Field(...)
    """Version of the schema."""
    published: bool = Field(default=False)
    """Publish the message to the eventstream once its transaction is committed."""


TMetadata = TypeVar("TMetadata", bound=Metadata)
"""The type of the metadata of a message."""
