"""Facets of numbers and strings: bounds, lengths, patterns and formats."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from .values import shown

_FREE = frozenset({"binary", "password"})
"""The formats that any string has."""

_SAME_SHAPE = frozenset(f"uuid{version}" for version in range(1, 9))


class Bound(NamedTuple):
    """The end of a range.

    Attributes:
        value: the number.
        is_open: whether the number itself is outside.
    """

    value: float
    is_open: bool = False


def number_problems(reader: Mapping[str, Any], writer: Mapping[str, Any]) -> Iterator[str]:
    """Yield why numbers that a writer may write are outside of what a reader takes."""
    whole = writer["type"] == "integer"
    for name, sign in (("minimum", 1), ("maximum", -1)):
        theirs = bound_of(reader, name, sign, whole=whole)
        ours = bound_of(writer, name, sign, whole=whole)
        if theirs is not None and is_tighter(theirs, ours, sign):
            yield f"{_end(reader, name)} read, {_end(writer, name)} written"
    multiple = reader.get("multipleOf")
    if multiple is not None:
        step = writer.get("multipleOf", 1 if whole else None)
        if step is None or _fraction(step) % _fraction(multiple):
            said = "anything" if "multipleOf" not in writer else f"multiples of {step}"
            yield f"multiples of {multiple} read, {said} written"


def string_problems(reader: Mapping[str, Any], writer: Mapping[str, Any]) -> Iterator[str]:
    """Yield why strings that a writer may write are none that a reader takes."""
    yield from length_problems(reader, writer, "Length")
    for name in ("pattern", "format", "contentEncoding", "contentMediaType"):
        wanted, given = reader.get(name), writer.get(name)
        if wanted is None or wanted == given or (name == "format" and wanted in _FREE):
            continue
        if name == "format" and wanted == "uuid" and given in _SAME_SHAPE:
            continue
        said = f"no {name}" if given is None else shown(given)
        yield f"{name} {shown(wanted)} read, {said} written"


def length_problems(
    reader: Mapping[str, Any], writer: Mapping[str, Any], what: str
) -> Iterator[str]:
    """Yield why something is too short or too long for a reader.

    Args:
        reader: the keywords of the reader.
        writer: those of the writer.
        what: the end of the keywords, such as ``Items``.
    """
    for start, sign in (("min", 1), ("max", -1)):
        name = f"{start}{what}"
        wanted, given = reader.get(name), writer.get(name, 0 if sign == 1 else None)
        if wanted is not None and is_tighter(
            Bound(wanted), None if given is None else Bound(given), sign
        ):
            yield f"{_end(reader, name)} read, {_end(writer, name)} written"


def value_problems(reader: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Yield why a string or a number is none that a reader takes.

    Whether a string has a format is not looked at, so that a reader that demands one takes none.
    """
    if isinstance(value, str):
        known: dict[str, Any] = {"minLength": len(value), "maxLength": len(value)}
        if "pattern" in reader and _matches(reader["pattern"], value):
            known["pattern"] = reader["pattern"]
        yield from string_problems(reader, known)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        known = {"type": "number", "minimum": value, "maximum": value, "multipleOf": value}
        if not value:  # a multiple of every number
            known["multipleOf"] = reader.get("multipleOf", 1)
        yield from number_problems(reader, known)


def bound_of(keys: Mapping[str, Any], name: str, sign: int, *, whole: bool) -> Bound | None:
    """Return a bound of a range.

    Args:
        keys: the keywords.
        name: ``minimum`` or ``maximum``.
        sign: 1 for the minimum, -1 for the maximum.
        whole: whether only whole numbers count.
    """
    found = [
        Bound(keys[key], is_open)
        for key, is_open in ((name, False), (f"exclusive{name.capitalize()}", True))
        if key in keys
    ]
    if whole:
        found = [_whole(each, sign) for each in found]
    return max(found, key=lambda each: (sign * each.value, each.is_open), default=None)


def is_tighter(one: Bound, other: Bound | None, sign: int) -> bool:
    """Return whether a bound excludes something that another one includes."""
    if other is None:
        return True
    return (sign * one.value, one.is_open) > (sign * other.value, other.is_open)


def _whole(bound: Bound, sign: int) -> Bound:
    nearest = math.ceil(bound.value) if sign == 1 else math.floor(bound.value)
    return Bound(nearest + sign if bound.is_open and nearest == bound.value else nearest)


def _end(keys: Mapping[str, Any], name: str) -> str:
    exclusive = f"exclusive{name[0].upper()}{name[1:]}"
    for key in (exclusive, name):
        if key in keys:
            return f"{key} {keys[key]}"
    return f"no {name}"


def _fraction(number: float) -> Fraction:
    return Fraction(str(number))


def _matches(pattern: str, value: str) -> bool:
    """Return whether a pattern is sure to match: that of another dialect may not be readable."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False
