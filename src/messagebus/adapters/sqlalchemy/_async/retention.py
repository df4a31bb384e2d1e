"""The deletion of sent messages after a while, in small batches."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

from .._failures import log
from .outbox import AsyncOutbox


class AsyncRetention:
    """Deletes sent messages once they are old enough, one batch at a time.

    Args:
        outbox: the outbox.
        keep: how long sent messages are kept; None for ever.
        batch_size: the most messages in a batch.
        interval: the wait once nothing is left to delete, in seconds.
    """

    def __init__(
        self, outbox: AsyncOutbox, keep: timedelta | None, batch_size: int, interval: float
    ) -> None:
        self._outbox = outbox
        self._keep = keep
        self._batch_size = batch_size
        self._interval = interval
        self._rest_until = 0.0
        self._after = 0

    async def purge(self) -> None:
        """Delete a batch, unless it is time to rest."""
        if self._keep is None or monotonic() < self._rest_until:
            return
        positions = await self._outbox.purge_batch(self._keep, self._batch_size, self._after)
        if len(positions) < self._batch_size:
            self._rest_until = monotonic() + self._interval
            self._after = 0
        else:
            self._after = positions[-1]
        if count := len(positions):
            details = {"event": "relay.purged", "count": count}
            log.info("deleted %d sent message(s)", count, extra=details)
