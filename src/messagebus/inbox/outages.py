"""The outages of what a consumer needs: its broker and its database."""

from __future__ import annotations

import logging
from time import monotonic

from .._error_text import brief, brief_with_advice
from ..exceptions import TransportRefusedError
from ..retry import Backoff

log: logging.Logger = logging.getLogger("messagebus.consumer")
"""The log of a consumer; its parts share it."""


class OutageError(Exception):
    """The database cannot be used now, which is no fault of a message. Its cause says why."""


def warn(event: str, text: str, error: BaseException) -> None:
    """Log a failure that something else makes up for."""
    log.warning("%s: %s", text, brief(error), extra={"event": event})


class Outages:
    """The outages of one thing, in a row.

    While there is one, a single worker tries whether it is over; the others wait.

    Args:
        what: the thing, for the log.
        backoff: the waits between the trials.

    Attributes:
        count: the number of failed trials.
        until: when to try again, by the monotonic clock.
        last_error: the last error, on one line; None once the outage is over.
    """

    def __init__(self, what: str, backoff: Backoff) -> None:
        self._what = what
        self._backoff = backoff
        self.until: float = 0.0
        self._trying: int | None = None
        self.count: int = 0
        self.last_error: str | None = None

    def note(self, error: BaseException) -> float:
        """Note a failure; return how long to wait, in seconds."""
        self.count += 1
        self.last_error = brief(error)
        delay = self._backoff.delay(self.count)
        self.until = monotonic() + delay
        self._trying = None
        log.log(
            logging.ERROR if isinstance(error, TransportRefusedError) else logging.WARNING,
            "%s is not available, next attempt in %.1f s: %s",
            self._what,
            delay,
            brief_with_advice(error),
            extra={"event": "consumer.outage", "what": self._what, "outages": self.count},
        )
        return delay

    def may_try(self, worker: int) -> bool:
        """Tell whether a worker may go on; while there is an outage, one of them tries."""
        if not self.count:
            return True
        if monotonic() < self.until or self._trying not in {None, worker}:
            return False
        self._trying = worker
        return True

    def recovered(self) -> None:
        """Note that it works."""
        if self.count:
            log.info("%s is back", self._what, extra={"event": "consumer.back"})
            self.count, self.last_error, self._trying = 0, None, None
