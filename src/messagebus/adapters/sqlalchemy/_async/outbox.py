"""The inspection and repair of an outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ...._ranges import LARGEST_BATCH, ensure_duration, ensure_whole
from ....exceptions import ConfigurationError
from .._commit import wake_statement
from .._compat.aio import AsyncEngine, connected
from .._rows import AS_NEW, StoredMessage, edited
from .._selection import EVERY, MessageFilter, Selected, given_up, in_state_and, named, page
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
        self,
        state: str | None = PARKED,
        *,
        matching: MessageFilter = EVERY,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[StoredMessage]:
        """List messages in the order of their positions.

        Args:
            state: ``pending``, ``sent``, ``parked`` or ``discarded``; None for messages that
                are not published.
            matching: which of them.
            after: the position after which the list begins.
            before: the position before which the list ends; the newest messages then come first.
            limit: the most messages to list.

        Raises:
            ConfigurationError: a number is negative, or too large for the database.
        """
        which = in_state_and(self._messages, matching, state)
        query = page(self._messages, which, after, before, limit)
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [StoredMessage.from_row(row) for row in rows]

    async def select(
        self, state: str | None = PARKED, *, matching: MessageFilter = EVERY
    ) -> Selected:
        """Count the messages of a state, for example before all of them are changed.

        Args:
            state: see *list*.
            matching: which of them.
        """
        column = self._messages.c
        time = column.delivered_at if state == SENT else column.created_at
        query = Selected.query(time, in_state_and(self._messages, matching, state))
        async with self._reading.connect() as connection:
            return Selected.from_row((await connection.execute(query)).one())

    async def get(self, message_id: UUID) -> StoredMessage | None:
        """Return a message; None if it is not stored."""
        query = sa.select(self._messages).where(self._messages.c.message_id == message_id)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else StoredMessage.from_row(row)

    async def edit(self, message_id: UUID, payload: str) -> StoredMessage | None:
        """Change the payload of a message that is parked or discarded.

        It stays so until it is replayed. The payload that it had at first is kept, as *original*.

        Args:
            message_id: its identifier.
            payload: the new payload.

        Returns:
            The message as it is now; None if none of this identifier is parked or discarded.

        Raises:
            ConfigurationError: the payload has a NUL or a lone surrogate; or it is no JSON object,
                and no serializer of the application wrote the one before.
        """
        this = self._messages.c.message_id == message_id
        which = in_state_and(self._messages, EVERY, PARKED, DISCARDED)
        found = sa.select(self._messages).where(this, which).with_for_update()
        async with self._engine.begin() as connection:
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            record = StoredMessage.from_row(row)
            values = edited(record, payload)
            await connection.execute(sa.update(self._messages).where(this).values(values))
        return replace(record, **values)

    async def replay(
        self, message_ids: Collection[UUID] | None = None, *, matching: MessageFilter = EVERY
    ) -> int:
        """Make parked or discarded messages pending again, as if they had never been tried.

        Messages that have failed and wait for their next attempt are reset as well.

        Args:
            message_ids: the messages; by default every parked one.
            matching: which of them.

        Returns:
            The number of messages that are replayed.
        """
        states = [PARKED] if message_ids is None else [PARKED, DISCARDED]
        which = given_up(self._messages, matching, *states, named=message_ids is not None)
        return await self._decide(message_ids, which, parked_at=None, **AS_NEW)

    async def discard(
        self, message_ids: Collection[UUID] | None = None, *, matching: MessageFilter = EVERY
    ) -> int:
        """Decide not to send messages that are parked, or that have failed but may be retried.

        Args:
            message_ids: the messages; by default every parked one.
            matching: which of them.

        Returns:
            The number of messages that are discarded.
        """
        which = given_up(self._messages, matching, PARKED, named=message_ids is not None)
        return await self._decide(message_ids, which, state=DISCARDED, next_attempt_at=None)

    async def resend(
        self,
        message_ids: Collection[UUID] | None = None,
        *,
        matching: MessageFilter | None = None,
    ) -> int:
        """Make sent messages pending again, for example after the broker has lost them.

        They keep their positions and identifiers: they are sent in their old order and before
        everything that is newer, but after what was sent meanwhile. A receiver, or a broker, that
        remembers their identifiers drops them.

        Args:
            message_ids: the messages.
            matching: which of them; without *message_ids*, which of all sent ones.

        Returns:
            The number of messages that are sent again.

        Raises:
            ConfigurationError: neither is given.
        """
        if message_ids is None and matching is None:
            text = "The messages to send again must be given by their identifiers or by a filter"
            advice = "Pass matching=MessageFilter() to send everything again."
            raise ConfigurationError(text, advice=advice)
        were_sent = in_state_and(self._messages, matching or EVERY, SENT)
        return await self._decide(message_ids, were_sent, delivered_at=None, **AS_NEW)

    async def purge(
        self, older_than: timedelta, *, matching: MessageFilter = EVERY, batch_size: int = 1_000
    ) -> int:
        """Delete messages that were sent some time ago, one batch in each transaction.

        Args:
            older_than: the least time since they were sent.
            matching: which of them.
            batch_size: the most messages to delete in one transaction.

        Returns:
            The number of messages that are deleted.

        Raises:
            ConfigurationError: the time is negative or longer than a hundred years, or the batch
                is empty or larger than 30,000.
        """
        ensure_duration("older_than", older_than)
        ensure_whole("batch_size", batch_size, most=LARGEST_BATCH)
        deleted, after = 0, 0
        while positions := await self.purge_batch(older_than, batch_size, after, matching):
            deleted += len(positions)
            after = positions[-1]
        return deleted

    async def purge_batch(
        self,
        older_than: timedelta,
        batch_size: int,
        after: int = 0,
        matching: MessageFilter = EVERY,
        *,
        limit: float = 60.0,
    ) -> Sequence[int]:
        """Delete one batch of messages that were sent some time ago.

        Args:
            older_than: the least time since they were sent.
            batch_size: the most messages to delete.
            after: the position after which to look for them.
            matching: which of them.
            limit: how long a server may take for each of the two steps, in seconds.

        Returns:
            The positions of the deleted messages, in order.

        Raises:
            sqlalchemy.exc.TimeoutError: it takes longer.
        """
        column = self._messages.c
        is_sent = in_state_and(self._messages, matching, SENT)
        is_old = column.delivered_at < now(self._engine.dialect, -older_than)
        outdated = self._first(batch_size, column.position).where(
            column.position > after, is_sent, is_old
        )
        # Looking in a transaction of its own keeps no writer waiting on SQLite.
        async with connected(self._reading, limit) as connection:
            positions = (await connection.scalars(outdated)).all()
        if positions:
            delete = sa.delete(self._messages).where(column.position.in_(positions), is_sent)
            async with connected(self._engine, limit) as connection, connection.begin():
                await connection.execute(delete)
        return positions

    def _first(self, limit: int, *columns: Any) -> sa.Select[Any]:
        """Return the query for the first messages in the order of their positions."""
        return sa.select(*columns).order_by(self._messages.c.position).limit(limit)

    async def _decide(
        self,
        message_ids: Collection[UUID] | None,
        which: sa.ColumnElement[bool],
        **values: Any,
    ) -> int:
        decided = 0
        async with self._engine.begin() as connection:
            for some in named(self._messages, message_ids):
                update = sa.update(self._messages).where(which, some).values(**values)
                decided += (await connection.execute(update)).rowcount
            if connection.dialect.name == "postgresql":
                channel = self._tables.channel_for(self._engine.get_execution_options())
                await connection.execute(wake_statement(self._tables, channel))
        return decided
