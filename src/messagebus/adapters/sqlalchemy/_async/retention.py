"""The deletion of sent messages after a while, in small batches."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError

from ...._error_text import brief
from .._failures import log
from .outbox import AsyncOutbox


class AsyncRetention:
    """Deletes sent messages once they are old enough, one batch at a time.

    Args:
        outbox: the outbox.
        keep: how long sent messages are kept; None for ever.
        batch_size: the most messages in a batch.
        interval: the wait once nothing is left to delete, or after an error, in seconds.
        limit: how long the database may take for a step, in seconds.

    Attributes:
        problem: why nothing can be deleted; None if nothing is in the way.
    """

    def __init__(
        self,
        outbox: AsyncOutbox,
        keep: timedelta | None,
        batch_size: int,
        interval: float,
        limit: float,
    ) -> None:
        self._outbox = outbox
        self._keep = keep
        self._batch_size = batch_size
        self._interval = interval
        self._limit = limit
        self._rest_until = 0.0
        self._after = 0
        self.problem: str | None = None

    async def purge(self) -> None:
        """Delete a batch, unless it is time to rest. An error is reported, and delays nothing."""
        if self._keep is None or monotonic() < self._rest_until:
            return
        try:
            positions = await self._outbox.purge_batch(
                self._keep, self._batch_size, self._after, limit=self._limit
            )
        except (SQLAlchemyError, OSError) as error:
            self._rest_until = monotonic() + self._interval
            self._after = 0
            known, self.problem = self.problem, brief(error)
            if self.problem != known:
                log.error(
                    "sent messages are not deleted: %s",
                    self.problem,
                    extra={"event": "relay.not_purged"},
                )
            return
        self.problem = None
        if len(positions) < self._batch_size:
            self._rest_until = monotonic() + self._interval
            self._after = 0
        else:
            self._after = positions[-1]
        if count := len(positions):
            details = {"event": "relay.purged", "count": count}
            log.info("deleted %d sent message(s)", count, extra=details)
