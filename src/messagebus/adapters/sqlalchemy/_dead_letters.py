"""Dead letters as they are stored: records, filters and changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..._ranges import LARGEST_BATCH, ensure_whole
from ...exceptions import ConfigurationError
from ...inbox.dead_letter import LISTENER, DeadLetter
from ...inbox.delivery import Delivery
from ...serialization.wire import iso_format, parse_type
from ._inbox import storable
from ._inbox_statements import statements_for
from .tables import OutboxTables


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A message that a consumer could not handle, as it is stored.

    Attributes:
        position: its position among the dead letters, by which it is named.
        consumer: the name of the consumer.
        message_id: the identifier of the message.
        type: name and version of the message; None if they could not be read.
        ordering_key: what the message must stay in order with; None if it has no such key.
        message: the wire message as it is replayed; None if it could not be read.
        body: the body, byte for byte as it came, whatever was edited since.
        headers: what the broker held beside the body.
        origin: where the message came from.
        attempts: how many times handling it has begun, replays included.
        error_type: the class of the last error.
        error: its text, with its notes.
        traceback: where it was raised; None if no code of the application was called.
        created_at: the creation time of the message, in UTC; None if it could not be read.
        buried_at: when the consumer gave up, in UTC.
    """

    position: int
    consumer: str
    message_id: UUID
    type: str | None
    ordering_key: str | None
    message: Mapping[str, Any] | None
    body: bytes
    headers: Mapping[str, str]
    origin: str
    attempts: int
    error_type: str
    error: str
    traceback: str | None
    created_at: datetime | None
    buried_at: datetime

    @property
    def listener(self) -> str | None:
        """The listener whose failure a bus has isolated; None if a consumer has given up."""
        if not self.consumer.startswith(LISTENER):
            return None
        return self.consumer.removeprefix(LISTENER)

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> StoredDeadLetter:
        """Create a record from a row that has all columns in the order of the table."""
        values: Iterable[Any] = (
            each.astimezone(UTC) if isinstance(each, datetime) else each for each in row
        )
        return cls(*values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Selects dead letters; a field that is None excludes none.

    Args:
        consumer: the name of the consumer.
        type: the name of the message, or name and version, such as ``book_lent_v1``.
        error_type: the class of the last error, with or without its module.
        error: a part of the text of the last error.
        message_id: the identifier of the message.
        since: the earliest time when the consumer gave up.
        until: the time before which it must have.

    Raises:
        ConfigurationError: a time has no time zone.
    """

    consumer: str | None = None
    type: str | None = None
    error_type: str | None = None
    error: str | None = None
    message_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse times that no letter could be compared with."""
        for name, time in (("since", self.since), ("until", self.until)):
            if time is not None and time.tzinfo is None:
                text = f"{name} must have a time zone, unlike {time!r}"
                raise ConfigurationError(text)

    def condition(self, letters: sa.Table) -> sa.ColumnElement[bool]:
        """Return the condition on dead letters."""
        column = letters.c
        conditions: list[sa.ColumnElement[bool]] = []
        if self.consumer is not None:
            conditions.append(column.consumer == self.consumer)
        if self.type is not None:
            conditions.append(_has_type(column.type, self.type))
        if self.error_type is not None:
            is_last_part = column.error_type.endswith(f".{self.error_type}", autoescape=True)
            conditions.append(sa.or_(column.error_type == self.error_type, is_last_part))
        if self.error is not None:
            conditions.append(column.error.contains(self.error, autoescape=True))
        if self.message_id is not None:
            conditions.append(column.message_id == self.message_id)
        if self.since is not None:
            conditions.append(column.buried_at >= self.since.astimezone(UTC))
        if self.until is not None:
            conditions.append(column.buried_at < self.until.astimezone(UTC))
        return sa.and_(sa.true(), *conditions)


EVERY_LETTER = DeadLetterFilter()
"""Selects every dead letter."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome of a replay.

    Attributes:
        handled: the positions of the letters that were handled, and are letters no longer.
        failed: the error of each that failed again, by its position.
        passed_over: the positions of those that wait for a failed one with the same ordering key.
        gone: the positions of those that somebody else has replayed or discarded meanwhile.
    """

    handled: list[int] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)
    passed_over: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)


def chosen(
    letters: sa.Table, positions: Collection[int] | None, matching: DeadLetterFilter | None
) -> sa.ColumnElement[bool]:
    """Return the condition on the letters that are named and match.

    Raises:
        ConfigurationError: neither positions nor a filter are given, or more than 30,000
            positions.
    """
    if positions is None and matching is None:
        text = "The dead letters must be given by their positions or by a filter"
        raise ConfigurationError(text, advice="Pass matching=DeadLetterFilter() for all of them.")
    which = (matching or EVERY_LETTER).condition(letters)
    if positions is None:
        return which
    ensure_whole("the number of positions", len(positions), least=0, most=LARGEST_BATCH)
    return sa.and_(which, letters.c.position.in_(positions))


def take(connection: sa.Connection, tables: OutboxTables, position: int) -> StoredDeadLetter | None:
    """Delete a letter and renew its mark; return it, or None if there is no such letter.

    Whoever takes it at the same time waits for the end of this transaction.
    """
    letters = tables.dead_letters
    delete = sa.delete(letters).where(letters.c.position == position).returning(*letters.c)
    row = connection.execute(delete).one_or_none()
    if row is None:
        return None
    # As old as the handling, so that it lasts as long as any other.
    statements = statements_for(connection, tables)
    parameters = statements.parameters(row.consumer, [row.message_id])
    connection.execute(statements.unmark, parameters)
    connection.execute(statements.mark, parameters)
    return StoredDeadLetter.from_row(row)


def failed_again(
    connection: sa.Connection, tables: OutboxTables, letter: StoredDeadLetter, failure: Exception
) -> bool:
    """Note the error of a replay, which is one more attempt; return whether the letter is there."""
    letters = tables.dead_letters
    delivery = Delivery(letter.message, letter.body)
    attempts = letter.attempts + 1
    new = DeadLetter.of_failure(letter.consumer, letter.message_id, delivery, attempts, failure)
    update = sa.update(letters).where(letters.c.position == letter.position)
    values = {
        "attempts": letters.c.attempts + 1,
        "error_type": storable(new.error_type),
        "error": storable(new.error),
        "traceback": None if new.traceback is None else storable(new.traceback),
    }
    return connection.execute(update.values(values)).rowcount > 0


def edited(letter: StoredDeadLetter, payload: str | None, wire_type: str | None) -> dict[str, Any]:
    """Return the changed columns of a letter.

    Raises:
        ConfigurationError: the type has no version; or the message could not be read, and not
            both are given.
    """
    if wire_type is not None and "version" not in parse_type(wire_type):
        text = f"The type must end in a version, as book_lent_v1 does, unlike {wire_type!r}"
        raise ConfigurationError(text)
    if letter.message is None and (payload is None or wire_type is None):
        text = f"The message of the dead letter {letter.position} could not be read"
        raise ConfigurationError(text, advice="Give it both a type and a payload.")
    time = letter.created_at or letter.buried_at
    message = dict(letter.message or {})
    # What could not be read of the envelope is completed, so that the message can be replayed.
    message = {"id": str(letter.message_id), "created_at": iso_format(time), **message}
    message |= {} if payload is None else {"payload": payload}
    message |= {} if wire_type is None else {"type": wire_type}
    return {"message": message, **({} if wire_type is None else {"type": wire_type})}


def _has_type(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    version = sa.func.substr(column, len(text) + 3)
    is_version = sa.func.ltrim(version, "0123456789") == ""
    starts = column.startswith(f"{text}_v", autoescape=True)
    return sa.or_(column == text, sa.and_(starts, version != "", is_version))
