"""The metadata of a message."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Metadata(BaseModel):
    """Name and version of a message's schema, and whether the message leaves the process.

    It is defined once, with the message class. It is frozen, so that pydantic need not copy it for
    each message. Subclass it to add metadata of your own.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    name: str = Field(...)
    """Name of the schema. It must stay the same when the class is renamed."""
    schema_version: int = Field(...)
    """Version of the schema."""
    published: bool = Field(default=False)
    """Whether to publish the message to the eventstream after its transaction commits."""


TMetadata = TypeVar("TMetadata", bound=Metadata)
"""The type of the metadata of a message."""
