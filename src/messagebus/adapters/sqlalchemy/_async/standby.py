"""Waiting for another relay to send what is pending."""

from __future__ import annotations

from time import monotonic

from ....exceptions import BacklogStalledError
from .._compat.aio import AsyncEngine, run
from .._outbox_queries import Care
from ..engine import READ_ONLY
from ..tables import OutboxTables


class AsyncStandby:
    """Looks how another relay that leads gets on.

    Args:
        engine: connects to the database.
        tables: the outbox.
        patience: how long it may send nothing, in seconds.
    """

    def __init__(self, engine: AsyncEngine, tables: OutboxTables, patience: float) -> None:
        self._reading = engine.execution_options(**READ_ONLY)
        self._care = Care(tables)
        self._patience = patience
        self._front: tuple[int, int] | None = None
        self._since = monotonic()

    async def is_done(self) -> bool:
        """Tell whether nothing is pending any more.

        Raises:
            BacklogStalledError: nothing was sent or tried for too long.
        """
        front = await run(self._reading, self._care.front)
        if front != self._front:
            self._front, self._since = front, monotonic()
        if front is None:
            return True
        if (waited := monotonic() - self._since) > self._patience:
            leader = await run(self._reading, self._care.leader)
            if leader is not None and not leader.expired:
                raise BacklogStalledError(leader.holder, front[0], waited)
        return False
