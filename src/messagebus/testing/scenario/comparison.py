"""Comparisons of messages, with differences that people can read."""

from __future__ import annotations

import difflib
import pprint
from collections.abc import Iterable, Sequence
from typing import Any

from ...domain.model import Message
from ...domain.model.envelope import ENVELOPE

_UNIQUE = ("created_at", "message_id")


def are_as_expected(expected: Sequence[Message[Any]], actual: Sequence[Message[Any]]) -> bool:
    """Tell whether messages are the expected ones, in their order.

    Identifier and time count where the expected message was given them.
    """
    return len(expected) == len(actual) and all(map(_is_as_expected, expected, actual))


def difference(expected: Sequence[Message[Any]], actual: Sequence[Message[Any]]) -> str:
    """Return the lines in which messages differ from the expected ones, among the others."""
    # What a message was given is shown of the one in its place as well.
    shown = [_asked(each) for each in expected]
    shown += [()] * (len(actual) - len(shown))
    for full in (False, True):
        wanted = [line for each in expected for line in _lines(each, _asked(each), full=full)]
        found = [
            line
            for each, names in zip(actual, shown, strict=False)
            for line in _lines(each, names, full=full)
        ]
        if wanted != found:
            break
    return "\n".join(["- expected, + what happened:", *_differing(wanted, found)])


def difference_of_values(expected: object, actual: object) -> str:
    """Return how a value differs from the expected one."""
    wanted, found = (pprint.pformat(each, width=90).splitlines() for each in (expected, actual))
    return "\n".join(["- expected, + what happened:", *_differing(wanted, found)])


def _is_as_expected(expected: Message[Any], actual: Message[Any]) -> bool:
    asked = all(getattr(expected, name) == getattr(actual, name) for name in _asked(expected))
    return expected == actual and asked


def _asked(message: Message[Any]) -> tuple[str, ...]:
    return tuple(name for name in _UNIQUE if name in message.model_fields_set)


def _lines(message: Message[Any], asked: Iterable[str], *, full: bool) -> Iterable[str]:
    """Return a message as lines, one for each field.

    Args:
        message: the message.
        asked: which of identifier and time to show.
        full: whether to show the module and metadata, and the types of values.
    """
    kind = type(message)
    yield f"{kind.__module__}.{kind.__qualname__}" if full else kind.__qualname__
    values = dict(message.__repr_args__())
    for name, value in values.items():
        if name not in ENVELOPE or name in asked or (full and name == "metadata"):
            first, *rest = pprint.pformat(value, width=90).splitlines()
            yield f"    {name}: {first}" + (f"  ({type(value).__qualname__})" if full else "")
            yield from (f"        {line}" for line in rest)


def _differing(wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    if not wanted:
        wanted = ["(nothing)"]
    if not found:
        found = ["(nothing)"]
    compared = difflib.Differ().compare(wanted, found)
    return [line.rstrip() for line in compared if not line.startswith("?")]
