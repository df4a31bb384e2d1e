"""Values of JSON: their types, their equality, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def kind_of(value: Any) -> str:
    """Return the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def same_value(one: Any, other: Any) -> bool:
    """Return whether two values are equal in JSON, where True is not 1 but 1.0 is."""
    if kind_of(one) != kind_of(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    return bool(one == other)


def shown(value: Any) -> str:
    """Return a value as it is written in JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def takes(reader: str, writer: str) -> bool:
    """Return whether a type includes another one."""
    return reader == writer or (reader == "number" and writer == "integer")


def outline(value: Any) -> dict[str, Any]:
    """Return a schema that fits one value alone."""
    if isinstance(value, Mapping):
        fields = {name: outline(each) for name, each in value.items()}
        return {"type": "object", "properties": fields, "required": [*value]}
    if isinstance(value, list):
        items = [outline(each) for each in value]
        length = {"minItems": len(value), "maxItems": len(value)}
        return {"type": "array", "prefixItems": items, "items": False, **length}
    return {"const": value}
