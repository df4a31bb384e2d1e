"""Models: the objects that repositories keep and that raise messages."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Generic

from pydantic import BaseModel, Field, SkipValidation

from .message import Message, content
from .metadata import Metadata, TMetadata


class GenericModel(BaseModel, Generic[TMetadata]):
    """Base class of models with a metadata class of your own.

    Two models are equal if they have the same class and the same values; the messages that they
    have raised do not count.
    """

    # Validation would replace a message by a new one, of the class in the annotation.
    messages: MutableSequence[SkipValidation[Message[TMetadata]]] = Field(
        default_factory=list, exclude=True, repr=False
    )
    """
    Messages that the model has raised.

    They are ephemeral: the unit of work collects them, and the bus handles them, as part of
    handling the command that caused them.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return content(self, ("messages",)) == content(other, ("messages",))


Model = GenericModel[Metadata]
"""A model whose messages have the default metadata."""
