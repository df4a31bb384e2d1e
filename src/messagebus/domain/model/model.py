"""Models: the objects that repositories keep and that raise messages."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Generic

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from .message import Message, content
from .metadata import Metadata, TMetadata

_RAISED = ("messages",)


class GenericModel(BaseModel, Generic[TMetadata]):
    """Base class of models with a metadata class of your own.

    Two models are equal if they have the same class and the same values; the messages that they
    have raised do not count.
    """

    model_config = ConfigDict()

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
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return content(self, _RAISED) == content(other, _RAISED)


Model = GenericModel[Metadata]
"""A model whose messages have the default metadata."""
