"""Models: what repositories keep, and where events are raised."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Generic

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from .message import Message, content
from .metadata import Metadata, TMetadata

_RAISED = ("messages",)


class GenericModel(BaseModel, Generic[TMetadata]):
    """Base class for models, for those who bring their own metadata class.

    Two models are equal if they are of one class and have the same values: the messages they
    have raised do not count.
    """

    model_config = ConfigDict()

    # Validated, a message would be made anew, of the class in the annotation.
    messages: MutableSequence[SkipValidation[Message[TMetadata]]] = Field(
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
        return content(self, _RAISED) == content(other, _RAISED)


Model = GenericModel[Metadata]
"""A model whose messages have the default metadata."""
