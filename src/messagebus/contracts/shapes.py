"""Shapes of what stands beside the keywords of JSON Schemas, which people write by hand as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_bound(value: Any) -> bool:
    return isinstance(value, bool) or _is_number(value)  # the former in an older dialect


def _has_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "type": lambda value: _is_text(value) or _has_names(value),
    "required": _has_names,
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("$ref", "pattern", "format"), _is_text),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _is_text),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "enum", "prefixItems"), _is_list),
    **dict.fromkeys(("properties", "patternProperties"), _is_object),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _is_bound),
    **dict.fromkeys(("minimum", "minLength", "minItems", "minProperties"), _is_number),
    **dict.fromkeys(("maximum", "maxLength", "maxItems", "maxProperties"), _is_number),
}


def is_well_formed(keyword: str, value: Any) -> bool:
    """Return whether what stands beside a keyword has the shape that it must have."""
    return keyword not in _SHAPES or _SHAPES[keyword](value)
