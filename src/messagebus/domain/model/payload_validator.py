"""Reading messages without their envelope, where the code of a class cannot see the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from inspect import getattr_static
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from .class_schema import BY_NAME, fields_schema
from .envelope import ENVELOPE, Trusted, check_field
from .message import Event, Message
from .metadata import Metadata

_KNOWN = "__messagebus_payload_validator__"


Validate: TypeAlias = Callable[[str], tuple[dict[str, Any], dict[str, Any] | None, set[str]]]
"""Validates JSON; returns what pydantic keeps in an instance: the fields, the extra fields and the
names of those that are set."""


def payload_validator(cls: type[Message[Any]]) -> Validate | None:
    """Return what validates the fields of a message of a class except its envelope.

    Returns:
        The validator. None if code of the class could tell that the envelope is missing, such as
        a validator of the whole message, or if the class asks more of its envelope than *Event*
        does.
    """
    validator = cls.__pydantic_validator__  # another one, when the class is built again
    known: tuple[object, Validate | None] | None = getattr(cls, _KNOWN, None)
    if known is None or known[0] is not validator:  # or it is that of a base
        known = validator, _payload_validator(cls)
        type.__setattr__(cls, _KNOWN, known)  # elsewhere, it would keep the class alive
    return known[1]


def _payload_validator(cls: type[Message[Any]]) -> Validate | None:
    # Older versions of pydantic take the first of two values with the same key.
    if not (BY_NAME and cls.__pydantic_complete__ and _is_read_as_usual(cls)):
        return None
    root: Mapping[str, Any] = cls.__pydantic_core_schema__
    has_definitions = root["type"] == "definitions"
    model: Mapping[str, Any] = root["schema"] if has_definitions else root
    if model["type"] != "model" or model.get("custom_init") or model.get("post_init"):
        return None
    inner = model["schema"]
    if inner["type"] != "model-fields" or not _is_usual(inner["fields"]):
        return None
    payload = {name: each for name, each in inner["fields"].items() if name not in ENVELOPE}
    parts = [*_parts([payload, root.get("definitions")])]
    if any(map(_sees, parts)):
        return None
    # Not as a model, for which pydantic would take the validator that the class has.
    schema: Any = {**inner, "fields": payload}
    if has_definitions:
        schema = {**root, "schema": schema}
    validate = SchemaValidator(schema, model.get("config")).validate_json
    # The arguments take longer than the fields of a message.
    if any(map(_needs_arguments, parts)):
        return lambda data: validate(data, context=Trusted(), **BY_NAME)
    return validate


def _is_read_as_usual(cls: type[Message[Any]]) -> bool:
    read = "model_validate_json"
    return (
        type(cls.__pydantic_validator__) is SchemaValidator
        and getattr_static(cls, read) is getattr_static(BaseModel, read)
        and {*[*cls.model_fields][: len(ENVELOPE)]} == ENVELOPE
    )


def _is_usual(fields: Mapping[str, Any]) -> bool:
    """Tell whether a class has the fields of the envelope as *Event* declares them."""
    usual = fields_schema(Event.__pydantic_core_schema__) or {}
    for name in ("message_id", "created_at"):
        if _unguarded(fields[name]) != _unguarded(usual["fields"][name]):
            return False
    default, value = _unguarded(fields["metadata"])
    return (
        isinstance(default, Metadata)
        and value["type"] == "model"
        and value["cls"] is type(default)
        and "revalidate_instances" not in type(default).model_config
    )


def _unguarded(field: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what a field of the envelope is by default, and its schema without the guard."""
    schema = field["schema"]
    default = schema.get("default_factory", schema.get("default"))
    if schema["type"] == "default":
        schema = schema["schema"]
    guard = schema.get("function", {}).get("function")
    is_guarded = isinstance(guard, partial) and guard.func is check_field
    return default, schema["schema"] if is_guarded else schema


def _sees(part: Mapping[str, Any]) -> bool:
    """Tell whether a part of a schema may look at other fields, or has the name of the envelope."""
    if part.get("type") == "with-info" or part.get("default_factory_takes_data"):
        return True
    alias = part.get("validation_alias")
    return alias is not None and not ENVELOPE.isdisjoint(_texts(alias))


def _needs_arguments(part: Mapping[str, Any]) -> bool:
    """Tell whether a part of a schema has an alias, or code that is given the context."""
    return "alias" in part or "validation_alias" in part or bool(part.get("post_init"))


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings in a core schema, except what is a default."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Mapping):
            yield part
            left_out = "default" if part.get("type") == "default" else None
            waiting += [each for name, each in part.items() if name != left_out]
        elif isinstance(part, (list, tuple)):
            waiting += part


def _texts(alias: Any) -> Iterator[str]:
    """Yield the names in an alias, those of its paths included."""
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, (list, tuple)):
        for each in alias:
            yield from _texts(each)
