"""What those who look after an outbox read and write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ._commit import notify
from ._rows import StoredMessage
from .clock import later, present
from .status import Backlog, Leader
from .tables import DISCARDED, PARKED, PENDING, SENT, OutboxTables, in_state


class Care:
    """The transactions; each is one method, given a connection.

    Args:
        tables: the outbox.
    """

    def __init__(self, tables: OutboxTables) -> None:
        self.tables = tables

    def backlog(self, connection: sa.Connection, count_sent: bool) -> Backlog:
        """Count what there is in each state."""
        oldest = connection.execute(self._first_pending("created_at")).scalar()
        age = None if oldest is None else (present(connection) - oldest).total_seconds()
        return Backlog(
            pending=self._count(connection, PENDING),
            oldest_age=None if age is None else max(age, 0.0),
            parked=self._count(connection, PARKED),
            sent=self._count(connection, SENT) if count_sent else None,
        )

    def front(self, connection: sa.Connection) -> tuple[int, int] | None:
        """Read position and attempts of the first message that is pending."""
        row = connection.execute(self._first_pending("position", "attempts")).first()
        return None if row is None else (row.position, row.attempts)

    def leader(self, connection: sa.Connection) -> Leader | None:
        """Read the lease."""
        lease = self.tables.lease.c
        row = connection.execute(sa.select(lease.holder, lease.token, lease.expires_at)).first()
        if row is None:
            return None
        expires_at = row.expires_at.astimezone(UTC)
        return Leader(row.holder, row.token, expires_at, expires_at <= present(connection))

    def list(
        self, connection: sa.Connection, state: str | None, after: int, limit: int
    ) -> Sequence[StoredMessage]:
        """List messages of a state behind a position."""
        messages = self.tables.messages
        rows = connection.execute(
            sa.select(messages)
            .where(
                messages.c.state.is_(None) if state is None else in_state(messages, state),
                messages.c.position > after,
            )
            .order_by(messages.c.position)
            .limit(limit)
        )
        return [StoredMessage.from_row(row) for row in rows]

    def get(self, connection: sa.Connection, message_id: UUID) -> StoredMessage | None:
        """Read one message."""
        messages = self.tables.messages
        query = sa.select(messages).where(messages.c.message_id == message_id)
        row = connection.execute(query).one_or_none()
        return None if row is None else StoredMessage.from_row(row)

    def replay(self, connection: sa.Connection, message_ids: Collection[UUID] | None) -> int:
        """Make messages pending that were given up."""
        replayed = connection.execute(
            sa.update(self.tables.messages)
            .where(self._given_up(message_ids, PARKED, DISCARDED))
            .values(state=PENDING, attempts=0, next_attempt_at=None, parked_at=None, reason=None)
        ).rowcount
        notify(connection, self.tables)
        return replayed

    def discard(self, connection: sa.Connection, message_ids: Collection[UUID] | None) -> int:
        """Give messages up for good."""
        discarded = connection.execute(
            sa.update(self.tables.messages)
            .where(self._given_up(message_ids, PARKED))
            .values(state=DISCARDED, next_attempt_at=None)
        ).rowcount
        notify(connection, self.tables)
        return discarded

    def outdated(
        self, connection: sa.Connection, older_than: timedelta, limit: int, after: int
    ) -> Sequence[int]:
        """Find messages that were sent a while ago, in the order of their position."""
        messages = self.tables.messages
        return connection.scalars(
            sa.select(messages.c.position)
            .where(
                messages.c.position > after,
                messages.c.state == SENT,
                messages.c.delivered_at < later(connection, -older_than),
            )
            .order_by(messages.c.position)
            .limit(limit)
        ).all()

    def delete(self, connection: sa.Connection, positions: Sequence[int]) -> None:
        """Delete messages that were sent."""
        messages = self.tables.messages
        connection.execute(
            sa.delete(messages).where(messages.c.position.in_(positions), messages.c.state == SENT)
        )

    def _given_up(
        self, message_ids: Collection[UUID] | None, *states: str
    ) -> sa.ColumnElement[bool]:
        messages = self.tables.messages
        if message_ids is None:
            return in_state(messages, PARKED)
        return sa.and_(
            messages.c.message_id.in_(message_ids),
            sa.or_(
                messages.c.state.in_(states),
                sa.and_(in_state(messages, PENDING), messages.c.attempts > 0),
            ),
        )

    def _first_pending(self, *columns: str) -> sa.Select[Any]:
        messages = self.tables.messages
        return (
            sa.select(*(messages.c[each] for each in columns))
            .where(in_state(messages, PENDING))
            .order_by(messages.c.position)
            .limit(1)
        )

    def _count(self, connection: sa.Connection, state: str) -> int:
        messages = self.tables.messages
        query = sa.select(sa.func.count()).select_from(messages).where(in_state(messages, state))
        return connection.execute(query).scalar_one()
