"""The envelope of a wire message, read and checked without its payload."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from ..exceptions import UnreadableMessageError
from .wire import parse_id, parse_type, wire_type

_LONGEST_CACHED = 300  # characters
_LONGEST_VERSION = 10  # digits; that of a stored message has no more


class Envelope(NamedTuple):
    """What a wire message says besides its payload.

    Attributes:
        message_id: the identifier of the message.
        created_at: its creation time.
        name: the name of its schema.
        schema_version: the version of its schema; None if its type ends in no version.
        causation_id: the message whose handling raised it; None if there is none, or if the
            sender does not know it.
        correlation_id: the first message of the cascade; None if the sender does not know it.
        ordering_key: what it must stay in order with; None if it has no such key.
    """

    message_id: UUID
    created_at: datetime
    name: str
    schema_version: int | None
    causation_id: UUID | None
    correlation_id: UUID | None
    ordering_key: str | None

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> Envelope:
        """Read the envelope of a wire message.

        Raises:
            UnreadableMessageError: a key is missing, or its value has no such meaning.
        """
        if type(wire) is not dict and not isinstance(wire, Mapping):
            _refuse(wire, None, f"it is no mapping but of type {type(wire).__name__}")
        message_id = _identifier(wire, "id", None)
        if message_id is None:
            _refuse(wire, None, "it has no 'id'")
        name, schema_version = _type(wire, message_id)
        return cls(
            message_id,
            _time(wire, message_id),
            name,
            schema_version,
            _identifier(wire, "causation_id", message_id),
            _identifier(wire, "correlation_id", message_id),
            _ordering_key(wire, message_id),
        )


def _identifier(wire: Mapping[str, Any], key: str, message_id: UUID | None) -> UUID | None:
    text = wire.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        _refuse_type(wire, key, message_id)
    try:
        return parse_id(text)
    except ValueError as error:
        _refuse(wire, message_id, f"its {key!r} is no UUID: {_short(text)}", error)


def _time(wire: Mapping[str, Any], message_id: UUID) -> datetime:
    text = wire.get("created_at")
    if not isinstance(text, str):
        _refuse_type(wire, "created_at", message_id)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        reason = f"its 'created_at' is no time in ISO 8601: {_short(text)}"
        _refuse(wire, message_id, reason, error)
    if time.tzinfo is None:
        _refuse(wire, message_id, f"its 'created_at' has no time zone: {_short(text)}")
    return time


def _type(wire: Mapping[str, Any], message_id: UUID) -> tuple[str, int | None]:
    text = wire.get("type")
    if not isinstance(text, str):
        _refuse_type(wire, "type", message_id)
    # A cache of the longest texts would fill the memory.
    read = _name_and_version if len(text) <= _LONGEST_CACHED else _name_and_version.__wrapped__
    return read(text)


@lru_cache(1024)
def _name_and_version(text: str) -> tuple[str, int | None]:
    parts = parse_type(text)
    version = parts.get("version", "")
    if version and len(version) <= _LONGEST_VERSION:
        name, number = parts["name"], int(version)
        if wire_type(name, number) == text:
            return name, number
    return text, None


def _ordering_key(wire: Mapping[str, Any], message_id: UUID) -> str | None:
    key = wire.get("ordering_key")
    if key is not None and not isinstance(key, str):
        _refuse_type(wire, "ordering_key", message_id)
    return key


def _short(text: str) -> str:
    """Return a text for an error message, however long it is."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."


def _refuse_type(wire: Mapping[str, Any], key: str, message_id: UUID | None) -> NoReturn:
    value = wire.get(key)
    kind = type(value).__name__
    reason = f"it has no {key!r}" if value is None else f"its {key!r} is of type {kind}"
    _refuse(wire, message_id, reason)


def _refuse(
    wire: Any, message_id: UUID | None, reason: str, cause: Exception | None = None
) -> NoReturn:
    raise UnreadableMessageError(wire, reason, message_id) from cause
