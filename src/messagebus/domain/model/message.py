"""Messages: commands and events."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from functools import partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema

from ...exceptions import ConfigurationError
from .class_schema import ShortSignature, without_fields
from .envelope import ENVELOPE, guard_envelope
from .identity import uuid7
from .metadata import Metadata, TMetadata
from .ordering import ensure_orderable

R_co = TypeVar("R_co", covariant=True)

NOW = partial(datetime.now, UTC)
"""Returns the time of creation. Tests give it another function: calling one more costs time."""

_UNIQUE = ("message_id", "created_at")


class Message(BaseModel, Generic[TMetadata]):
    """Base class of commands and events.

    Two messages are equal if they have the same class and the same content; *message_id* and
    *created_at* do not count. Only messages of a frozen class are hashable.

    Code sets *message_id*, *created_at* and *metadata*: they are objects of their types. Input
    cannot set them: validation refuses plain data for them, unless *load_message* gives them.
    """

    message_id: UUID = Field(default_factory=uuid7)
    """Unique identifier of the message, a UUIDv7. Identifiers sort in order of creation."""
    created_at: datetime = Field(default_factory=NOW)
    """Time of creation, in UTC."""
    metadata: TMetadata
    """
    Name and version of the schema, and whether to publish the message; declared by its class.

    Stored messages are found by name and version, so these must not change when the class is
    renamed.
    """
    ordering_key: ClassVar[str | None] = None
    """
    Name of the field or property by which messages stay in order, such as ``"order_id"``.

    Messages whose values are equal are delivered in the order of their commits. So are those
    without a name, or whose value is None.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        guard_envelope(cls, handler.resolve_ref_schema(schema))
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if handler.mode == "validation":
            core_schema = without_fields(core_schema, ENVELOPE)
        return handler(core_schema)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.__pydantic_on_complete__()

    # Older versions of pydantic do not call it for a class with forward references.
    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        if lost := sorted(ENVELOPE - cls.model_fields.keys()):
            text = f"{cls} declares {', '.join(lost)} as something else than a field"
            raise ConfigurationError(text, message_type=cls, advice="Remove its ClassVar.")
        ensure_orderable(cls)
        ShortSignature.shorten(cls, ENVELOPE)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return content(self, _UNIQUE) == content(other, _UNIQUE)

    def __hash__(self) -> int:
        return hash_of(self, _UNIQUE)

    @recursive_repr("<...>")
    def __repr__(self) -> str:
        return shown(self, ENVELOPE)

    def __str__(self) -> str:
        return repr(self)


def shown(model: BaseModel, hidden: Container[str], more: Mapping[str, Any] | None = None) -> str:
    """Return the representation of a message or a model.

    Args:
        model: the message or the model.
        hidden: the fields that are not shown.
        more: what to show after the fields.
    """
    values = [each for each in model.__repr_args__() if each[0] not in hidden]
    said = [f"{name}={value!r}" for name, value in (*values, *(more or {}).items())]
    return f"<{' '.join([type(model).__name__, *said])}>"


def hash_of(model: BaseModel, ignored: Container[str]) -> int:
    """Return a hash of the values by which instances are compared.

    Raises:
        TypeError: the class is not frozen.
    """
    if not model.model_config.get("frozen"):
        text = f"unhashable type: {type(model).__name__!r}"
        raise TypeError(text)
    fields, extra, private = content(model, ignored)
    return hash((type(model), *fields.values(), *(extra or {}).values(), *(private or {}).values()))


def content(model: BaseModel, ignored: Container[str]) -> tuple[dict[str, Any], Any, Any]:
    """Return the values by which instances are compared: fields in order, extra, private.

    Nothing else in the instance counts, such as the value of a *cached_property*.
    """
    values = model.__dict__
    fields = {
        name: values[name]
        for name in type(model).model_fields
        if name in values and name not in ignored
    }
    return fields, model.__pydantic_extra__, model.__pydantic_private__


class GenericCommand(Message[TMetadata]):
    """Base class of commands with a metadata class of your own.

    A command is a request. It has one handler, which may refuse it.
    """


class GenericEvent(Message[TMetadata]):
    """Base class of events with a metadata class of your own.

    An event is a fact. It has any number of listeners.
    """


if TYPE_CHECKING:
    # Classes, because the mypy plugin of pydantic overlooks models that derive from an alias.
    class Command(GenericCommand[Metadata]):
        """A command with the default metadata."""

    class Event(GenericEvent[Metadata]):
        """An event with the default metadata."""
else:
    Command = GenericCommand[Metadata]
    Event = GenericEvent[Metadata]


class Returns(Generic[R_co]):
    """Declares the result type of a command, for type checkers only.

    With ``class RegisterBook(Command, Returns[Book])``, handling a *RegisterBook* returns a
    *Book*. Without it, the result is *Any*.
    """

    __slots__ = ()


# A string, because pydantic would create a class for it.
TMessage = TypeVar("TMessage", bound="Message[Any]")
"""The type of a message."""
