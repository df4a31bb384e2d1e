"""The inspection and repair of an outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from .._commit import wake_statement
from .._compat.aio import AsyncEngine
from .._rows import StoredMessage
from ..clock import now
from ..engine import READ_ONLY
from ..status import Backlog, Leader
from ..tables import DISCARDED, PARKED, PENDING, SENT, OutboxTables, default_tables, in_state


class AsyncOutbox:
    """Show the messages that wait to be sent or could not be sent, and decide on them.

    Args:
        engine: connects to the database.
        tables: the outbox.
    """

    def __init__(self, engine: AsyncEngine, *, tables: OutboxTables = default_tables) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._tables = tables
        self._messages = tables.messages
        self._now = now(engine.dialect).label("now")

    async def backlog(self, *, count_sent: bool = False) -> Backlog:
        """Count the pending and the parked messages; the cost depends on their number alone.

        Args:
            count_sent: count the sent messages as well, which reads the whole table.
        """
        pending = in_state(self._messages, PENDING)
        oldest = self._first(1, self._messages.c.created_at, self._now).where(pending)
        count = sa.select(sa.func.count()).select_from(self._messages)
        counts: dict[str, Any] = {}
        async with self._reading.connect() as connection:
            first = (await connection.execute(oldest)).first()
            for state in (PENDING, PARKED, SENT) if count_sent else (PENDING, PARKED):
                in_this = in_state(self._messages, state)
                counts[state] = await connection.scalar(count.where(in_this))
        age = max((first.now - first.created_at).total_seconds(), 0.0) if first else None
        return Backlog(counts[PENDING], age, counts[PARKED], counts.get(SENT))

    async def leader(self) -> Leader | None:
        """Return the relay that leads; None if there has never been one."""
        lease = self._tables.lease.c
        query = sa.select(lease.holder, lease.token, lease.expires_at, self._now)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        expires_at = row.expires_at.astimezone(UTC)
        return Leader(row.holder, row.token, expires_at, expired=expires_at <= row.now)

    async def list(
        self, state: str | None = PARKED, *, after: int = 0, limit: int = 100
    ) -> Sequence[StoredMessage]:
        """List messages in the order of their positions.

        Args:
            state: ``pending``, ``sent``, ``parked`` or ``discarded``; None for messages that
                are not published.
            after: the position after which the list begins.
            limit: the most messages to list.
        """
        column = self._messages.c
        in_this = column.state.is_(None) if state is None else in_state(self._messages, state)
        query = self._first(limit, self._messages).where(in_this, column.position > after)
        async with self._reading.connect() as connection:
            rows = await connection.execute(query)
        return [StoredMessage.from_row(row) for row in rows]

    async def get(self, message_id: UUID) -> StoredMessage | None:
        """Return a message; None if it is not stored."""
        query = sa.select(self._messages).where(self._messages.c.message_id == message_id)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else StoredMessage.from_row(row)

    async def replay(self, message_ids: Collection[UUID] | None = None) -> int:
        """Make parked or discarded messages pending again, as if they had never been tried.

        Messages that have failed and wait for their next attempt are reset as well.

        Args:
            message_ids: the messages; by default every parked one.

        Returns:
            The number of messages that are replayed.
        """
        return await self._decide(
            self._given_up(message_ids, PARKED, DISCARDED),
            state=PENDING,
            attempts=0,
            next_attempt_at=None,
            parked_at=None,
            reason=None,
        )

    async def discard(self, message_ids: Collection[UUID] | None = None) -> int:
        """Decide not to send messages that are parked, or that have failed but may be retried.

        Args:
            message_ids: the messages; by default every parked one.

        Returns:
            The number of messages that are discarded.
        """
        given_up = self._given_up(message_ids, PARKED)
        return await self._decide(given_up, state=DISCARDED, next_attempt_at=None)

    async def purge(self, older_than: timedelta, *, batch_size: int = 1_000) -> int:
        """Delete messages that were sent some time ago, one batch in each transaction.

        Args:
            older_than: the least time since they were sent.
            batch_size: the most messages to delete in one transaction.

        Returns:
            The number of messages that are deleted.
        """
        deleted, after = 0, 0
        while positions := await self.purge_batch(older_than, batch_size, after):
            deleted += len(positions)
            after = positions[-1]
        return deleted

    async def purge_batch(
        self, older_than: timedelta, batch_size: int, after: int = 0
    ) -> Sequence[int]:
        """Delete one batch of messages that were sent some time ago.

        Args:
            older_than: the least time since they were sent.
            batch_size: the most messages to delete.
            after: the position after which to look for them.

        Returns:
            The positions of the deleted messages, in order.
        """
        column = self._messages.c
        is_sent = column.state == SENT
        is_old = column.delivered_at < now(self._engine.dialect, -older_than)
        outdated = self._first(batch_size, column.position).where(
            column.position > after, is_sent, is_old
        )
        # Looking in a transaction of its own keeps no writer waiting on SQLite.
        async with self._reading.connect() as connection:
            positions = (await connection.scalars(outdated)).all()
        if positions:
            delete = sa.delete(self._messages).where(column.position.in_(positions), is_sent)
            async with self._engine.begin() as connection:
                await connection.execute(delete)
        return positions

    def _first(self, limit: int, *columns: Any) -> sa.Select[Any]:
        """Return the query for the first messages in the order of their positions."""
        return sa.select(*columns).order_by(self._messages.c.position).limit(limit)

    async def _decide(self, which: sa.ColumnElement[bool], **values: Any) -> int:
        async with self._engine.begin() as connection:
            update = sa.update(self._messages).where(which).values(**values)
            decided = (await connection.execute(update)).rowcount
            if connection.dialect.name == "postgresql":
                channel = self._tables.channel_for(self._engine.get_execution_options())
                await connection.execute(wake_statement(self._tables, channel))
        return decided

    def _given_up(
        self, message_ids: Collection[UUID] | None, *states: str
    ) -> sa.ColumnElement[bool]:
        column = self._messages.c
        if message_ids is None:
            return in_state(self._messages, PARKED)
        waits = sa.and_(in_state(self._messages, PENDING), column.attempts > 0)
        return sa.and_(column.message_id.in_(message_ids), sa.or_(column.state.in_(states), waits))
