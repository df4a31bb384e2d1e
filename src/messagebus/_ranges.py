"""The ranges of the numbers and durations that an option accepts."""

from __future__ import annotations

from datetime import timedelta

from .exceptions import ConfigurationError

LONGEST = 36_500 * 86_400.0
"""The longest duration, in seconds: a hundred years. No clock or timer overflows with it."""
SHORTEST = 0.001
"""The shortest duration where there must be one, in seconds: servers count milliseconds."""
LARGEST = 2**31 - 1
"""The largest number that every database accepts as an integer."""

LARGEST_BATCH = 30_000
"""The most rows of one statement: SQLite accepts 32,766 parameters, PostgreSQL 65,535."""


def ensure_whole(name: str, value: object, *, least: int = 1, most: int = LARGEST) -> None:
    """Ensure that the value of an option is a whole number in a range.

    Raises:
        ConfigurationError: it is not.
    """
    if type(value) is not int or not least <= value <= most:
        limit = "greater than zero" if least == 1 else f"at least {least}"
        text = f"{name} must be a whole number {limit}, and at most {most}, not {_brief(value)}"
        raise ConfigurationError(text)


def ensure_number(name: str, value: object, *, least: float = 0.0, most: float = LONGEST) -> None:
    """Ensure that the value of an option, such as a number of seconds, is in a range.

    Raises:
        ConfigurationError: it is not, or not a number.
    """
    # Written this way round, the comparison refuses NaN.
    if type(value) not in {int, float} or not least <= value <= most:  # type: ignore[operator]
        text = f"{name} must be a number from {least:g} to {most:.10g}, not {_brief(value)}"
        raise ConfigurationError(text)


def ensure_duration(name: str, value: object) -> None:
    """Ensure that the value of an option is a *timedelta* that is not negative.

    Raises:
        ConfigurationError: it is not, or longer than a hundred years.
    """
    if not isinstance(value, timedelta) or not 0.0 <= value.total_seconds() <= LONGEST:
        text = f"{name} must be a timedelta from zero to a hundred years, not {_brief(value)}"
        raise ConfigurationError(text)


def _brief(value: object) -> str:
    """Return the value for an error; a number of a thousand digits is of no use there."""
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
