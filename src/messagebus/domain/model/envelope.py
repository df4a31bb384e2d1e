"""The envelope of a message: fields that code sets, and input does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Literal, LiteralString
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import (
    PydanticCustomError,
    PydanticKnownError,
    SchemaValidator,
    core_schema,
    to_json,
)

from .class_schema import change_field, fields_schema, names_of
from .metadata import Metadata

ENVELOPE = frozenset({"message_id", "created_at", "metadata"})
"""The fields of a message that are not part of its payload."""

_ERROR: LiteralString = "message_envelope"
_TEXT: LiteralString = "{field} is set by code, never by input: it must be an instance of {type}"

_GUARDED = "messagebus_guarded"
_TYPES: dict[str, type] = {"message_id": UUID, "created_at": datetime, "metadata": Metadata}
# Lax, because a strict class would refuse the strings that are stored.
_LOADERS: dict[str, Callable[[Any], Any]] = {
    "message_id": SchemaValidator(core_schema.uuid_schema()).validate_python,
    "created_at": SchemaValidator(core_schema.datetime_schema()).validate_python,
}


class Trusted(dict[str, Any]):
    """The context of a validation whose plain data may set the envelope.

    It has the envelope of the message as objects, if that is known: reading it is slow.
    It is a context, not a context variable, so that it ends with the data that it is given for.

    Args:
        envelope: the objects.
        owner: the class of the message; a message within it has an envelope of its own.
    """

    def __init__(
        self, envelope: Mapping[str, Any] | None = None, owner: type | None = None
    ) -> None:
        super().__init__(envelope or {})
        self.owner = owner


def guard_envelope(cls: type[BaseModel], schema: core_schema.CoreSchema) -> None:
    """Let a message class take its envelope from code only.

    The core schema is changed, not the annotations: a subclass may annotate a field anew.

    Args:
        cls: the class.
        schema: its core schema, which is changed.
    """
    fields = fields_schema(schema)
    if fields is None or fields.get("metadata", {}).get(_GUARDED):
        return  # pydantic hands out the schema of a finished class again
    fields["metadata"] = {**fields.get("metadata", {}), _GUARDED: True}
    for name in _TYPES:
        change_field(fields, name, partial(_guarded, partial(check_field, cls, name)))
    if cls.model_config.get("extra") == "allow":
        inner: Any = {**fields}
        fields.clear()
        fields |= core_schema.no_info_after_validator_function(partial(_check_extra, cls), inner)


def _guarded(
    check: core_schema.WithInfoValidatorFunction, schema: core_schema.CoreSchema
) -> core_schema.CoreSchema:
    return core_schema.with_info_before_validator_function(check, schema)


def check_field(
    cls: type[BaseModel], name: str, value: Any, info: core_schema.ValidationInfo
) -> Any:
    """Return the value for a field of the envelope, before it is validated as usual.

    Raises:
        PydanticCustomError: it is plain data.
        PydanticKnownError: it is a time without a time zone.
    """
    wanted = _TYPES[name]
    if not isinstance(value, wanted):
        context = info.context
        if (trusted := isinstance(context, Trusted)) and context.owner is cls:
            # Mostly, the fields of the envelope come first: another message of the class within
            # this one finds nothing.
            value = context.pop(name, value)
        if not isinstance(value, wanted):
            value = _from_plain_data(cls, value, name, info.mode, trusted=trusted)
    if name == "created_at" and isinstance(value, datetime) and value.utcoffset() is None:
        kind: Literal["timezone_aware"] = "timezone_aware"
        raise PydanticKnownError(kind)
    return value


def _check_extra(cls: type[BaseModel], values: Any) -> Any:
    """Refuse extra data under a name of the envelope, whose fields have other names.

    What is dumped would say both.

    Raises:
        PydanticCustomError: there are such data.
    """
    _fields, extra, _fields_set = values
    for field, type_ in _TYPES.items() if extra else ():
        for name in names_of(cls, field):
            if name in extra:
                raise PydanticCustomError(_ERROR, _TEXT, {"field": name, "type": type_.__name__})
    return values


def _from_plain_data(
    cls: type[BaseModel], value: Any, name: str, mode: str, *, trusted: bool
) -> Any:
    """Return what plain data stand for, if the data are trusted or the class's own metadata."""
    if name == "metadata" and value in _plain_metadata(cls):
        return cls.model_fields[name].default
    if not trusted:
        raise PydanticCustomError(_ERROR, _TEXT, {"field": name, "type": _TYPES[name].__name__})
    if name in _LOADERS:
        return _LOADERS[name](value)
    declared = cls.model_fields[name].annotation
    if not (isinstance(declared, type) and issubclass(declared, Metadata)):
        return value
    if mode == "json":
        # The rules of JSON, such as those for bytes, are those for the text that was read.
        return declared.model_validate_json(to_json(value), strict=False)
    return declared.model_validate(value, strict=False)


@lru_cache
def _plain_metadata(cls: type[BaseModel]) -> tuple[Mapping[str, Any], ...]:
    """Return all that the metadata which a class declares are as plain data; they are frozen."""
    default = cls.model_fields["metadata"].default
    if not isinstance(default, Metadata):
        return ()
    return (
        default.model_dump(mode="json"),
        default.model_dump(),
        default.model_dump(mode="json", by_alias=True),
    )
