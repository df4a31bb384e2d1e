"""Searches: what the fields above a list, or in the address of a page, select."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar, cast
from uuid import UUID

from starlette.exceptions import HTTPException

from ..adapters.sqlalchemy import DeadLetterFilter, MessageFilter
from ..adapters.sqlalchemy._selection import LAST_POSITION

_LONGEST = 500  # characters of a field
TFilter = TypeVar("TFilter", MessageFilter, DeadLetterFilter)


@dataclass(frozen=True, slots=True)
class Search(Generic[TFilter]):
    """A search, with its fields as they were typed.

    Attributes:
        fields: the fields that are not empty.
        matching: selects what is found.
    """

    fields: Mapping[str, str]
    matching: TFilter


def search_messages(given: Callable[[str], str | None]) -> Search[MessageFilter]:
    """Return the search for messages that the fields of a request describe.

    Args:
        given: returns the text of a field; None or an empty one if it is not given.

    Raises:
        HTTPException: a field cannot be understood.
    """
    fields = _given(given, "name", "kind", "reason", "correlation_id", "since", "until")
    kind = fields.get("kind")
    if kind not in (None, "command", "event"):
        raise HTTPException(400, "The kind is command or event")
    matching = MessageFilter(
        name=fields.get("name"),
        kind=cast("Literal['command', 'event'] | None", kind),
        reason=fields.get("reason"),
        correlation_id=_read(fields, "correlation_id", identifier),
        since=_read(fields, "since", _time),
        until=_read(fields, "until", _time),
    )
    return Search(fields, matching)


def search_letters(given: Callable[[str], str | None]) -> Search[DeadLetterFilter]:
    """Return the search for dead letters that the fields of a request describe.

    Args:
        given: returns the text of a field; None or an empty one if it is not given.

    Raises:
        HTTPException: a field cannot be understood.
    """
    names = ("consumer", "type", "error_type", "error", "message_id", "since", "until")
    fields = _given(given, *names)
    matching = DeadLetterFilter(
        consumer=fields.get("consumer"),
        type=fields.get("type"),
        error_type=fields.get("error_type"),
        error=fields.get("error"),
        message_id=_read(fields, "message_id", identifier),
        since=_read(fields, "since", _time),
        until=_read(fields, "until", _time),
    )
    return Search(fields, matching)


def identifier(text: str) -> UUID:
    """Return the identifier that a text is.

    Raises:
        HTTPException: it is none.
    """
    try:
        return UUID(text.strip())
    except ValueError:
        raise HTTPException(400, f"{text[:60]!r} is not the identifier of a message") from None


def position(text: str) -> int:
    """Return the position that a text is.

    Raises:
        HTTPException: it is none, or larger than any.
    """
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or int(text) > LAST_POSITION:
        raise HTTPException(400, f"{text[:60]!r} is not a position")
    return int(text)


def number(text: str | None) -> int:
    """Return the number that a text is; 0 if it is none."""
    return int(text) if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) else 0


def _given(given: Callable[[str], str | None], *names: str) -> dict[str, str]:
    fields = {name: text for name in names if (text := (given(name) or "").strip())}
    for name, text in fields.items():
        if len(text) > _LONGEST or "\0" in text:
            raise HTTPException(400, f"The field {name} is too long, or contains a NUL")
    return fields


def _read(fields: Mapping[str, str], name: str, read: Callable[[str], Any]) -> Any:
    return read(fields[name]) if name in fields else None


def _time(text: str) -> datetime:
    try:
        # Only digits would be a date that nobody meant.
        time = datetime.fromisoformat(text if "-" in text else "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        text = f"{text[:60]!r} is not a time like 2026-11-22T21:25"
        raise HTTPException(400, text) from None
