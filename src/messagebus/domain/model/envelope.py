"""The envelope of a message: fields that code sets, and input does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import Signature
from typing import Any, Literal, LiteralString
from uuid import UUID

from pydantic import AliasChoices, BaseModel
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
    """The signature of a class of pydantic without some of its optional fields.

    Tools that build an instance from a signature would set them: web frameworks from a request,
    Hypothesis from what it makes up. It is made when it is first asked for, as pydantic's own.
    """

    def __init__(self, made: Any, names: frozenset[str]) -> None:
        self._made = made
        self._names = names
        self._short: Signature | None = None

    @classmethod
    def shorten(cls, model: type[BaseModel], names: frozenset[str]) -> None:
        """Replace the signature of a class, if pydantic has made it."""
        made = vars(model).get("__signature__")
        if made is not None and not isinstance(made, ShortSignature):
            model.__signature__ = cls(made, names)  # type: ignore[assignment]

    def __get__(self, instance: object, owner: type[BaseModel]) -> Signature:
        if instance is not None:  # an instance that can be called has a signature of its own
            raise AttributeError(owner, "__signature__")
        if self._short is None:
            signature: Signature = self._made.__get__(instance, owner)
            hidden: set[str] = set()
            for name in self._names & owner.model_fields.keys():
                if not owner.model_fields[name].is_required():
                    hidden |= _names_of(owner, name)
            kept = [each for name, each in signature.parameters.items() if name not in hidden]
            self._short = signature.replace(parameters=kept)
        return self._short


def check_extra(message: BaseModel) -> BaseModel:
    """Refuse extra data under a name of the envelope, whose fields have other names.

    What is dumped would say both.

    Raises:
        PydanticCustomError: there are such data.
    """
    extra = message.__pydantic_extra__ or {}
    for field, type_ in _TYPES.items() if extra else ():
        for name in _names_of(type(message), field):
            if name in extra:
                raise PydanticCustomError(_ERROR, _TEXT, {"field": name, "type": type_.__name__})
    return message


def _names_of(cls: type[BaseModel], name: str) -> set[str]:
    """Return the name of a field and all its aliases, except paths."""
    field = cls.model_fields.get(name)
    if field is None:
        return {name}
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    found = (name, field.alias, field.serialization_alias, *choices)
    return {each for each in found if isinstance(each, str)}


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
    if not (isinstance(declared, type) and issubclass(declared, Metadata)):
        return value
    if mode == "json":
        # The rules of JSON, such as those for bytes, are those for the text that was read.
        return declared.model_validate_json(to_json(value), strict=False)
    return declared.model_validate(value, strict=False)


def _equals(value: Any, metadata: Metadata) -> bool:
    return isinstance(value, Mapping) and (
        value in (metadata.model_dump(mode="json"), metadata.model_dump())
        or value == metadata.model_dump(mode="json", by_alias=True)
    )
