"""Sameness of schemas, for what cannot be compared otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .values import same_value
from .views import ANNOTATIONS, Schemas


class Sameness:
    """Tells whether parts of two documents say the same.

    Args:
        first: one document.
        second: the other document.
    """

    def __init__(self, first: Schemas, second: Schemas) -> None:
        self._first = first
        self._second = second

    def holds(self, one: Any, other: Any) -> bool:
        """Return whether two parts say the same, references followed, annotations aside."""
        return self._holds(one, other, set())

    def _holds(self, one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(
                self._holds(*pair, seen) for pair in zip(one, other, strict=True)
            )
        if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
            return same_value(one, other)
        if (id(one), id(other)) in seen:
            return True
        seen.add((id(one), id(other)))
        if isinstance(one.get("$ref"), str) and isinstance(other.get("$ref"), str):
            targets = self._first.find(one["$ref"]), self._second.find(other["$ref"])
            if None not in targets:
                one = {**one, "$ref": targets[0]}
                other = {**other, "$ref": targets[1]}
        names = {*one, *other} - ANNOTATIONS
        return all(
            name in one and name in other and self._holds(one[name], other[name], seen)
            for name in names
        )
