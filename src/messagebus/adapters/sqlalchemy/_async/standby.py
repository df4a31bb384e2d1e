"""Waiting for another relay to send the pending messages."""

from __future__ import annotations

from time import monotonic

from ....exceptions import BacklogStalledError
from ..tables import PENDING
from .outbox import AsyncOutbox


class AsyncStandby:
    """Watches the progress of the relay that leads.

    Args:
        outbox: the outbox of that relay.
        patience: how long that relay may send nothing, in seconds.
    """

    def __init__(self, outbox: AsyncOutbox, patience: float) -> None:
        self._outbox = outbox
        self._patience = patience
        self._front: tuple[int, int] | None = None
        self._since = monotonic()

    async def is_done(self) -> bool:
        """Return whether nothing is pending any more.

        Raises:
            BacklogStalledError: no message was sent or tried for too long.
        """
        pending = await self._outbox.list(PENDING, limit=1)
        if not pending:
            return True
        [first] = pending
        if (front := (first.position, first.attempts)) != self._front:
            self._front, self._since = front, monotonic()
        elif (waited := monotonic() - self._since) > self._patience:
            leader = await self._outbox.leader()
            if leader is not None and not leader.expired:
                raise BacklogStalledError(leader.holder, first.position, waited)
        return False
