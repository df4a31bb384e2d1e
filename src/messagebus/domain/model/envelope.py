"""The envelope of a message: fields that code sets, and input does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import Signature
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

from .metadata import Metadata

ENVELOPE = frozenset({"message_id", "created_at", "metadata"})
"""The fields of a message that are not part of its payload."""

_ERROR: LiteralString = "message_envelope"
_TEXT: LiteralString = "{field} is set by code, never by input: it must be an instance of {type}"

_TYPES: dict[str, type] = {"message_id": UUID, "created_at": datetime, "metadata": Metadata}
# Lax, because a strict class would refuse the strings that are stored.
_LOADERS: dict[str, Callable[[Any], Any]] = {
    "message_id": SchemaValidator(core_schema.uuid_schema()).validate_python,
    "created_at": SchemaValidator(core_schema.datetime_schema()).validate_python,
}


class Trusted(dict[str, Any]):
    """The context of a validation whose plain data may set the envelope.

    It is a context, not a context variable, so that it ends with the data that it is given for.
    """


def check_envelope(cls: type[BaseModel], value: Any, name: str, mode: str, context: Any) -> Any:
    """Return the value of a field of the envelope, before it is validated as usual.

    Args:
        cls: the class of the message.
        value: what is given for the field; a default is not checked.
        name: the name of the field.
        mode: ``json`` if the input is JSON, otherwise ``python``.
        context: the context of the validation.

    Raises:
        PydanticCustomError: it is plain data.
        PydanticKnownError: it is a time without a time zone.
    """
    if not isinstance(value, _TYPES[name]):
        value = _from_plain_data(cls, value, name, mode, trusted=isinstance(context, Trusted))
    if name == "created_at" and isinstance(value, datetime) and value.utcoffset() is None:
        kind: Literal["timezone_aware"] = "timezone_aware"
        raise PydanticKnownError(kind)
    return value


def without_fields(schema: core_schema.CoreSchema, names: frozenset[str]) -> core_schema.CoreSchema:
    """Return the core schema of a model without some fields, to make a JSON Schema of it."""
    copied: dict[str, Any] = {**schema}
    if copied["type"] == "model-fields":
        fields = copied["fields"]
        copied["fields"] = {name: fields[name] for name in fields if name not in names}
    elif "schema" in copied:
        copied["schema"] = without_fields(copied["schema"], names)
    return copied


class ShortSignature:
    """The signature of a message class without the optional fields of the envelope.

    Tools that build an instance from a signature would set them: web frameworks from a request,
    Hypothesis from what it makes up. It is made when it is first asked for, as pydantic's own.
    """

    def __init__(self, made: Any) -> None:
        self._made = made
        self._short: Signature | None = None

    def __get__(self, instance: object, owner: type[BaseModel]) -> Signature:
        if instance is not None:  # an instance that can be called has a signature of its own
            raise AttributeError(owner, "__signature__")
        if self._short is None:
            signature: Signature = self._made.__get__(instance, owner)
            hidden = {
                alias
                for name in ENVELOPE
                if not (field := owner.model_fields[name]).is_required()
                for alias in (name, field.alias, field.validation_alias)
            }
            kept = [each for name, each in signature.parameters.items() if name not in hidden]
            self._short = signature.replace(parameters=kept)
        return self._short


def _from_plain_data(
    cls: type[BaseModel], value: Any, name: str, mode: str, *, trusted: bool
) -> Any:
    """Return what plain data stand for, if the data are trusted or the class's own metadata."""
    if name == "metadata":
        default = cls.model_fields[name].default
        if isinstance(default, Metadata) and _equals(value, default):
            return default
    if not trusted:
        raise PydanticCustomError(_ERROR, _TEXT, {"field": name, "type": _TYPES[name].__name__})
    if name in _LOADERS:
        return _LOADERS[name](value)
    declared = cls.model_fields[name].annotation
    if mode == "json" and isinstance(declared, type) and issubclass(declared, Metadata):
        # As JSON again: a strict class takes a string for a time from JSON only.
        return declared.model_validate_json(to_json(value))
    return value


def _equals(value: Any, metadata: Metadata) -> bool:
    return isinstance(value, Mapping) and (
        value in (metadata.model_dump(mode="json"), metadata.model_dump())
        or value == metadata.model_dump(mode="json", by_alias=True)
    )
