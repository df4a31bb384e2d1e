"""The outbox, for those who look after it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from .._compat.aio import AsyncEngine, run
from .._outbox_queries import Care
from .._rows import StoredMessage
from ..engine import READ_ONLY
from ..status import Backlog, Leader
from ..tables import PARKED, OutboxTables
from ..tables import tables as default_tables


class AsyncOutbox:
    """Show what waits to be sent and what could not be sent, and decide what becomes of it.

    Args:
        engine: connects to the database.
        tables: the outbox.
    """

    def __init__(self, engine: AsyncEngine, *, tables: OutboxTables = default_tables) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._care = Care(tables)

    async def backlog(self, *, count_sent: bool = False) -> Backlog:
        """Count what is pending and what is parked; that costs what there is of it.

        Args:
            count_sent: count what was sent as well, for which the whole table is read.
        """
        return await run(self._reading, self._care.backlog, count_sent)

    async def leader(self) -> Leader | None:
        """Tell which relay leads; None if there has never been one."""
        return await run(self._reading, self._care.leader)

    async def list(
        self, state: str | None = PARKED, *, after: int = 0, limit: int = 100
    ) -> Sequence[StoredMessage]:
        """List messages in the order of their position.

        Args:
            state: ``pending``, ``sent``, ``parked`` or ``discarded``; None for messages that
                are not published.
            after: the position behind which the list begins.
            limit: how many at most.
        """
        return await run(self._reading, self._care.list, state, after, limit)

    async def get(self, message_id: UUID) -> StoredMessage | None:
        """Return a message, or None if it is not stored."""
        return await run(self._reading, self._care.get, message_id)

    async def replay(self, message_ids: Collection[UUID] | None = None) -> int:
        """Let messages be sent that are parked or discarded, as if they had never been tried.

        The same is done to those that were tried in vain and still wait.

        Args:
            message_ids: which; by default all that are parked.

        Returns:
            How many there are.
        """
        return await run(self._engine, self._care.replay, message_ids)

    async def discard(self, message_ids: Collection[UUID] | None = None) -> int:
        """Decide not to send messages that are parked, or that wait after they failed.

        Args:
            message_ids: which; by default all that are parked.

        Returns:
            How many there are.
        """
        return await run(self._engine, self._care.discard, message_ids)

    async def purge(self, older_than: timedelta, *, batch_size: int = 1_000) -> int:
        """Delete messages that were sent a while ago, a batch in each transaction.

        Args:
            older_than: how long ago they were sent at least.
            batch_size: how many are deleted at once.

        Returns:
            How many were deleted.
        """
        deleted, after = 0, 0
        while positions := await self.purge_batch(older_than, batch_size, after):
            deleted += len(positions)
            after = positions[-1]
        return deleted

    async def purge_batch(
        self, older_than: timedelta, batch_size: int, after: int = 0
    ) -> Sequence[int]:
        """Delete one batch of messages that were sent a while ago.

        Args:
            older_than: how long ago they were sent at least.
            batch_size: how many at most.
            after: the position behind which they are looked for.

        Returns:
            The positions of what was deleted, in their order.
        """
        # They are looked for before the transaction that deletes them: on SQLite nobody has to
        # wait meanwhile.
        positions = await run(self._reading, self._care.outdated, older_than, batch_size, after)
        if positions:
            await run(self._engine, self._care.delete, positions)
        return positions
