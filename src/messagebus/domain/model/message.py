"""Commands and events: what a bus handles."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from .identity import uuid7
from .metadata import Metadata, TMetadata

R_co = TypeVar("R_co", covariant=True)

_ENVELOPE = frozenset({"message_id", "created_at", "metadata"})
_UNIQUE = ("message_id", "created_at")


class Message(BaseModel, Generic[TMetadata]):
    """Base class for messaging.

    Two messages are equal if they are of one class and say the same: their *message_id* and
    *created_at* do not count. Only those of a frozen class can be hashed.
    """

    model_config = ConfigDict()

    message_id: UUID = Field(default_factory=uuid7)
    """Unique identifier of the message, a UUIDv7: it sorts in the order of creation."""
    created_at: datetime = Field(default_factory=partial(datetime.now, UTC))
    """When the message was made, in UTC."""
    metadata: TMetadata
    """
    Name, version and destination of the message, given statically by its class.

    A stored message is found again by them: they must stay the same over time, even if the
    class is renamed.
    """

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return content(self, _UNIQUE) == content(other, _UNIQUE)

    def __hash__(self) -> int:
        if not self.model_config.get("frozen"):
            text = f"unhashable type: {type(self).__name__!r}"
            raise TypeError(text)
        fields, extra, private = content(self, _UNIQUE)
        return hash(
            (type(self), *fields.values(), *(extra or {}).values(), *(private or {}).values())
        )

    def __repr__(self) -> str:
        shown = self.__repr_args__()
        said = " ".join(f"{name}={value!r}" for name, value in shown if name not in _ENVELOPE)
        return f"<{type(self).__name__} {said}>" if said else f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)


def content(model: BaseModel, ignored: Container[str]) -> tuple[dict[str, Any], Any, Any]:
    """Return what two instances of a class are compared by, fields in the order of their class.

    What else is in the instance does not count: a *cached_property* is there once it was used.
    """
    values = model.__dict__
    fields = {
        name: values[name]
        for name in type(model).model_fields
        if name in values and name not in ignored
    }
    return fields, model.__pydantic_extra__, model.__pydantic_private__


class GenericCommand(Message[TMetadata]):
    """Base class of commands, for those who bring their own metadata class.

    A command asks for something to be done. It has one handler, which may refuse it.
    """

    model_config = ConfigDict()


class GenericEvent(Message[TMetadata]):
    """Base class of events, for those who bring their own metadata class.

    An event tells what has happened. It has any number of listeners.
    """

    model_config = ConfigDict()


Command = GenericCommand[Metadata]
"""A command with the default metadata."""
Event = GenericEvent[Metadata]
"""An event with the default metadata."""


class Returns(Generic[R_co]):
    """Say what the handler of a command returns, for type checkers alone.

    With ``class RegisterBook(Command, Returns[Book])`` they know that handling a
    *RegisterBook* gives a *Book*. Without it the result is *Any*.
    """

    __slots__ = ()


# As text, because pydantic would make a class of it.
TMessage = TypeVar("TMessage", bound="Message[Any]")
"""The type of a message."""
