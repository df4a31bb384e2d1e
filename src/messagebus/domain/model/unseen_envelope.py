"""Finding out whether a class could see the envelope of a message while its data are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from .class_schema import fields_schema
from .envelope import ENVELOPE
from .message import Event, Message
from .metadata import Metadata

_KNOWN = "__messagebus_envelope_can_follow__"


def envelope_can_follow(cls: type[Message[Any]]) -> bool:
    """Tell whether a message may get its envelope when its other fields have been read.

    It may if no code of the class would notice, such as a validator of the whole message, and if
    the class asks of the envelope what all messages ask of theirs.
    """
    validator = cls.__pydantic_validator__  # another one, when the class is built again
    known: tuple[object, bool] | None = vars(cls).get(_KNOWN)
    if known is None or known[0] is not validator:
        known = validator, cls.__pydantic_complete__ and _can_follow(cls)
        setattr(cls, _KNOWN, known)  # in the class: elsewhere, it would keep the class alive
    return known[1]


def _can_follow(cls: type[Message[Any]]) -> bool:
    if cls.model_validate_json.__func__ is not BaseModel.model_validate_json.__func__:  # type: ignore[attr-defined]
        return False
    schema: Mapping[str, Any] = cls.__pydantic_core_schema__
    shared: Any = ()
    if schema["type"] == "definitions":
        schema, shared = schema["schema"], schema["definitions"]
    if schema["type"] != "model" or schema.get("custom_init") or schema.get("post_init"):
        return False
    if schema["schema"]["type"] != "model-fields":
        return False
    fields = schema["schema"]["fields"]
    others = [field for name, field in fields.items() if name not in ENVELOPE]
    return _is_usual(fields) and not any(map(_sees, _parts([*others, *shared])))


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
    return default, schema.get("schema", schema)


def _sees(part: Mapping[str, Any]) -> bool:
    """Tell whether a part of a schema may look at other fields, or has the name of the envelope."""
    if part.get("type") == "with-info" or part.get("default_factory_takes_data"):
        return True
    alias = part.get("validation_alias")
    return alias is not None and not ENVELOPE.isdisjoint(_texts(alias))


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings in a core schema, except what is a default."""
    parts: Any = schema if isinstance(schema, (list, tuple)) else ()
    if isinstance(schema, Mapping):
        yield schema
        parts = [part for name, part in schema.items() if name != "default"]
    for each in parts:
        yield from _parts(each)


def _texts(alias: Any) -> Iterator[str]:
    """Yield the names in an alias, those of its paths included."""
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, (list, tuple)):
        for each in alias:
            yield from _texts(each)
