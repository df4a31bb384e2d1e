"""Findings of a comparison, and their texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from .values import shown
from .views import View

CANNOT_TELL = "cannot tell"
"""The beginning of what is found where a schema says more than can be compared."""

Severity: TypeAlias = Literal["error", "warning"]

_MOST_VALUES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a writer may write and a reader does not take, or takes otherwise.

    Attributes:
        path: where it is: the names of fields, ``[]`` for the items of an array, ``[0]`` for one
            of them, ``{}`` for the values of a map.
        what: what is the matter.
        severity: ``warning`` if everything is read, but may mean something else.
        is_value: whether a value is written that is none of those that are read.
    """

    path: tuple[str, ...]
    what: str
    severity: Severity = "error"
    is_value: bool = False

    @property
    def field(self) -> str:
        """The path in one text, such as ``lines[].quantity``; empty for the whole."""
        text = "".join(each if each[:1] in {"[", "{"} else f".{each}" for each in self.path)
        return text.removeprefix(".")

    @property
    def is_error(self) -> bool:
        """Whether something is not read."""
        return self.severity == "error"

    def below(self, *path: str) -> Finding:
        """Return the finding as it is seen from further outside."""
        return replace(self, path=(*path, *self.path))


AGAIN = Finding((), "")
"""Stands for what is found where a schema that contains itself has begun."""


def closest(attempts: Iterable[list[Finding]]) -> list[Finding]:
    """Return the findings of the branch that reads, or else of the one that almost does."""
    best: list[Finding] | None = None
    for findings in attempts:
        if not any(each.is_error for each in findings):
            return findings
        if best is None or _distance(findings) < _distance(best):
            best = findings
    return best or []


def _distance(findings: Iterable[Finding]) -> tuple[int, int]:
    # A constant that differs tells that another branch is meant.
    errors = [each for each in findings if each.is_error]
    far = sum(each == AGAIN or (len(each.path) == 1 and each.is_value) for each in errors)
    return far, len(errors)


def values_text(values: Sequence[Any]) -> str:
    """Return some values for a text, however many there are."""
    known = ", ".join(map(shown, values[:_MOST_VALUES]))
    more = len(values) - _MOST_VALUES
    return f"{known} and {more} more" if more > 0 else known


def kinds_text(views: Iterable[View]) -> str:
    """Return the types of views for a text."""
    return " or ".join(dict.fromkeys(each.kind for each in views)) or "nothing"
