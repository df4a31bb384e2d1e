"""The values of arguments: durations, numbers, points in time.

Each function converts a string, and raises an ArgumentTypeError that shows what would be right.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from .._ranges import LARGEST, LARGEST_BATCH, LONGEST

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_EXAMPLES = "500ms, 30s, 5m, 12h or 7d"
_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def seconds(*, least: float = 0.0, most: float = LONGEST) -> Callable[[str], float]:
    """Return a converter for a number of seconds, written with or without a unit."""

    def convert(text: str) -> float:
        return _duration(text, f"90, {_EXAMPLES}", least=least, most=most)[0]

    return convert


def time_with_unit(text: str) -> timedelta:
    """Convert a duration that must have a unit, because it decides what is deleted."""
    duration, unit = _duration(text, _EXAMPLES)
    if unit is None:
        problem = f"{text!r} has no unit: use {_EXAMPLES}"
        raise ArgumentTypeError(problem)
    return timedelta(seconds=duration)


def point_in_time(text: str) -> datetime:
    """Convert a date and time in ISO 8601, in UTC unless it has an offset, or a duration ago."""
    if re.fullmatch(r"[\d.]+(ms|s|m|h|d)", text, re.ASCII):
        return datetime.now(UTC) - time_with_unit(text)
    try:
        # Only digits would be a date of a year that nobody meant, or a duration without a unit.
        time = datetime.fromisoformat(text if "-" in text else "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        problem = f"{text!r} is not a time: use 2026-11-22, 2026-11-22T21:25:50+01:00, 90m or 3d"
        raise ArgumentTypeError(problem) from None


def whole(*, least: int = 1, most: int = LARGEST) -> Callable[[str], int]:
    """Return a converter for a whole number in a range."""

    def convert(text: str) -> int:
        match = re.fullmatch(r"([+-]?)0*(\d{1,30})", text, re.ASCII)
        number = int(match[1] + match[2]) if match else None
        if number is None and not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            problem = f"{text!r} is not a whole number"
            raise ArgumentTypeError(problem)
        if number is None or not least <= number <= most:
            limit = "greater than zero" if least == 1 else f"at least {least}"
            problem = f"it must be {limit}, and at most {most}"
            raise ArgumentTypeError(problem)
        return number

    return convert


batch = whole(most=LARGEST_BATCH)
"""Converts a number of rows for one statement."""


def prefix(text: str) -> str:
    """Convert the prefix of names in the database."""
    # PostgreSQL cuts names of more than 63 bytes; the longest of ours adds 14.
    if len(text.encode(errors="replace")) > 49 or not text.isprintable():
        problem = "it must have at most 49 bytes, and no control characters"
        raise ArgumentTypeError(problem)
    return text


def names(text: str) -> frozenset[str]:
    """Convert names with commas in between, or ``none``."""
    found = frozenset(each.strip() for each in text.split(","))
    if found == {"none"}:
        return frozenset()
    if not found.isdisjoint({"", "none"}):
        problem = (
            f"{text!r} are neither names with commas in between, such as book_lent,book_returned, "
            "nor none"
        )
        raise ArgumentTypeError(problem)
    return found


def uuid(text: str) -> UUID:
    """Convert the identifier of a message."""
    try:
        return UUID(text)
    except ValueError:
        problem = f"{text!r} is not an identifier like 01a20526-ad91-743e-b996-93d3b24d6bec"
        raise ArgumentTypeError(problem) from None


def truth(text: str) -> bool:
    """Convert the value of a variable for an option that takes none on the command line."""
    if text.lower() not in _TRUTH:
        problem = f"{text!r} is neither true nor false"
        raise ArgumentTypeError(problem)
    return _TRUTH[text.lower()]


def _duration(
    text: str, examples: str, *, least: float = 0.0, most: float = LONGEST
) -> tuple[float, str | None]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", text, re.ASCII)
    if match is None:
        problem = f"{text!r} is not a time: use {examples}"
        raise ArgumentTypeError(problem)
    duration = float(match[1]) * _SECONDS[match[2] or "s"]
    if duration < least:
        problem = f"{text!r} is too short: it must be at least {least * 1000:g}ms"
        raise ArgumentTypeError(problem)
    if duration > most:
        problem = f"{text!r} is too long: it must be at most {most / 86_400:g}d"
        raise ArgumentTypeError(problem)
    return duration, match[2]
