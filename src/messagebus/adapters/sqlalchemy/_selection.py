"""The selection of stored messages by name, kind, cascade and time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from ..._ranges import LARGEST, LARGEST_BATCH, ensure_whole
from ...exceptions import ConfigurationError
from ...serialization.wire import parse_type
from .tables import PENDING, SENT, in_state

LAST_POSITION = 2**63 - 1
"""The largest position that every database accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Selects stored messages; a field that is None excludes none.

    Args:
        name: the name of their schema, or name and version, such as ``book_lent_v1``.
        kind: ``command`` or ``event``.
        correlation_id: the first message of their cascade.
        since: the earliest time when a sent message was sent, and any other one created.
        until: the time before which it must have been.
        reason: a part of the text of its last error.

    Raises:
        ConfigurationError: the kind is unknown, or a time has no time zone.
    """

    name: str | None = None
    kind: Literal["command", "event"] | None = None
    correlation_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no message could match by mistake."""
        if self.kind not in (None, "command", "event"):
            text = f"kind must be 'command' or 'event', not {self.kind!r}"
            raise ConfigurationError(text)
        for name, time in (("since", self.since), ("until", self.until)):
            if time is not None and time.tzinfo is None:
                text = f"{name} must have a time zone, unlike {time!r}"
                raise ConfigurationError(text)

    def condition(self, messages: sa.Table, state: str | None) -> sa.ColumnElement[bool]:
        """Return the condition on messages that are in a state; the state itself is no part."""
        column = messages.c
        time = column.delivered_at if state == SENT else column.created_at
        conditions: list[sa.ColumnElement[bool]] = []
        if self.name is not None:
            conditions.append(_has_name(messages, self.name))
        if self.kind is not None:
            conditions.append(column.kind == self.kind)
        if self.correlation_id is not None:
            conditions.append(column.correlation_id == self.correlation_id)
        if self.since is not None:
            conditions.append(time >= self.since.astimezone(UTC))
        if self.until is not None:
            conditions.append(time < self.until.astimezone(UTC))
        if self.reason is not None:
            conditions.append(column.reason.contains(self.reason, autoescape=True))
        return sa.and_(sa.true(), *conditions)


@dataclass(frozen=True, slots=True)
class Selected:
    """How many messages are selected.

    Attributes:
        count: their number.
        oldest: when the first of them was sent or, in other states, created; None without any.
        newest: the same of the last of them.
    """

    count: int
    oldest: datetime | None
    newest: datetime | None

    @staticmethod
    def query(time: sa.ColumnElement[datetime], which: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Return the query whose row *from_row* takes."""
        columns: list[Any] = [sa.func.count(), sa.func.min(time), sa.func.max(time)]
        return sa.select(*columns).where(which)

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Selected:
        """Create the count from a row of *query*."""
        oldest, newest = (time and time.astimezone(UTC) for time in row[1:])
        return cls(row[0], oldest, newest)


EVERY = MessageFilter()
"""Selects every message."""


def page(
    table: sa.Table, which: sa.ColumnElement[bool], after: int, before: int | None, limit: int
) -> sa.Select[Any]:
    """Return the query for a page of a list in the order of positions.

    Args:
        table: has the rows.
        which: the condition on them.
        after: the position after which the page may begin.
        before: the position before which it ends; it then has the last rows, the newest first.
        limit: the most rows.

    Raises:
        ConfigurationError: a number is negative, or too large for the database.
    """
    position = table.c.position
    ensure_whole("after", after, least=0, most=LAST_POSITION)
    ensure_whole("limit", limit, least=0)
    query = sa.select(table).where(which, position > after).limit(limit)
    if before is None:
        return query.order_by(position)
    ensure_whole("before", before, least=0, most=LAST_POSITION)
    return query.where(position < before).order_by(position.desc())


def in_state_and(
    messages: sa.Table, matching: MessageFilter, *states: str | None
) -> sa.ColumnElement[bool]:
    """Return the condition that a message is in one of the states and matches."""
    return sa.or_(
        *(
            sa.and_(
                messages.c.state.is_(None) if each is None else in_state(messages, each),
                matching.condition(messages, each),
            )
            for each in states
        )
    )


def given_up(
    messages: sa.Table, matching: MessageFilter, *states: str, named: bool
) -> sa.ColumnElement[bool]:
    """Return the condition on messages that are in a state, or if they are named, have failed."""
    which = in_state_and(messages, matching, *states)
    if not named:
        return which
    waits = sa.and_(in_state_and(messages, matching, PENDING), messages.c.attempts > 0)
    return sa.or_(which, waits)


def named(
    messages: sa.Table, message_ids: Collection[UUID] | None
) -> Iterator[sa.ColumnElement[bool]]:
    """Yield conditions that together select the messages, or all if *message_ids* is None.

    There is more than one if they are too many for the parameters of one statement.
    """
    if message_ids is None:
        yield sa.true()
        return
    every = list(message_ids)
    for start in range(0, len(every), LARGEST_BATCH):
        yield messages.c.message_id.in_(every[start : start + LARGEST_BATCH])


def _has_name(messages: sa.Table, text: str) -> sa.ColumnElement[bool]:
    column, parts = messages.c, parse_type(text)
    has_name = column.name == text
    if (version := int(parts.get("version", LARGEST + 1))) > LARGEST:
        return has_name
    has_type = sa.and_(column.name == parts["name"], column.schema_version == version)
    return sa.or_(has_name, has_type)
