"""Models: what repositories keep, and where events are raised."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any, Generic

from pydantic import BaseModel, ConfigDict, Field

from .message import Message
from .metadata import Metadata, TMetadata


class GenericModel(BaseModel, Generic[TMetadata]):
    """Base class for models, for those who bring their own metadata class.

    Two models are equal if they are of one class and have the same values: the messages they
    have raised do not count.
    """

    model_config = ConfigDict()

    messages: MutableSequence[Message[TMetadata]] = Field(
        default_factory=list, exclude=True, repr=False
    )
    """
    Messages that the model has raised.

    They are ephemeral: the unit of work takes them, and the bus handles them, while the
    command that led to them is handled.
    """

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return _values(self) == _values(other)


def _values(model: Any) -> tuple[dict[str, Any], Any, Any]:
    fields = dict(model.__dict__)
    fields.pop("messages", None)
    return fields, model.__pydantic_extra__, model.__pydantic_private__


Model = GenericModel[Metadata]
"""A model whose messages have the default metadata."""
