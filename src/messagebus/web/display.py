"""Values as a page shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import URL

from ..drawing.cards import printable

_URL = re.compile(r"://[^\s\"'<>]*")
_SECRET = re.compile(
    r"([?&;](?:[\w-]*password|passwd|pwd|[\w-]*(?:token|secret|key|signature)|sig)=)[^&;\s\"'<>]+",
    re.IGNORECASE,
)
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_BLANK = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')
_OPENING, _CLOSING = {"{", "["}, {"}", "]"}
_BEFORE_LINE = {*_OPENING, ","}
_MOST = 200_000  # characters
_MOST_INDENTATION = 10 * _MOST
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def name_of(url: URL) -> str:
    """Return the name of a database, without user, password and options."""
    kind = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(url.get_backend_name(), "")
    host = f" at {url.host}" if url.host else ""
    return f"{kind} {(url.database or '').rpartition('/')[2]}{host}"


def masked(text: object) -> str:
    """Return a text without the users, passwords and tokens in its URLs."""
    return _SECRET.sub(r"\1…", _URL.sub(_without_user, str(text)))


def _without_user(url: re.Match[str]) -> str:
    _, at, rest = url[0].rpartition("@")
    return f"://…@{rest}" if at else url[0]


def cut(text: str) -> str:
    """Return the beginning of a text that is too long to be shown."""
    more = len(text) - _MOST
    return text if more <= 0 else f"{text[:_MOST]}\n… and {more:,} more characters"


def pretty(text: str) -> str:
    """Return JSON with one value on each line; anything else, or too much of it, as it is.

    Numbers and strings stay as they were written, and so does a key that is there twice.
    """
    if len(text) > _MOST or not is_json(text):
        return text
    parts: list[str] = []
    depth, previous, indentation = 0, "", 0
    for part in _PART.findall(text):
        closes = part in _CLOSING
        depth -= closes
        # An empty object or list stays on its line.
        if previous not in _OPENING if closes else previous in _BEFORE_LINE:
            parts.append("\n" + "  " * depth)
            # Brackets within brackets could fill the memory with spaces.
            indentation += 2 * depth
            if indentation > _MOST_INDENTATION:
                return text
        parts.append(f"{part} " if part == ":" else part)
        depth += part in _OPENING
        previous = part
    return "".join(parts)


def compact(text: str) -> str:
    """Return JSON without white space between its values; anything else as it is."""
    return _BLANK.sub(lambda found: found[1] or "", text) if is_json(text) else text


def is_json(text: str) -> bool:
    """Return whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def as_json(value: object) -> str:
    """Return a value as JSON with one value on each line."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def when(time: datetime | None) -> str:
    """Return a point in time, in UTC."""
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(time: datetime | None) -> str:
    """Return how long ago a point in time was, or how far away it is."""
    if time is None:
        return ""
    seconds = (datetime.now(UTC) - time).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def duration(seconds: float | None) -> str:
    """Return a number of seconds in the largest unit that fits."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds / size:.0f} {unit}" if size > 1 or seconds >= 10 else f"{seconds:.1f} s"


def plural(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def body(raw: bytes) -> str:
    """Return bytes as text, with those that are none escaped."""
    return raw.decode(errors="backslashreplace")


FILTERS: Mapping[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (ago, as_json, body, cut, duration, masked, plural, pretty, printable, when)
}
"""The functions that templates use."""
