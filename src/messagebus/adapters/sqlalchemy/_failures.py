"""What has gone wrong lately, as a relay remembers and logs it."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Row

from .delivery import Backoff

DATABASE = "the database"
BROKER = "the broker"

log = logging.getLogger("messagebus.relay")


def with_advice(error: BaseException) -> str:
    """Return what went wrong and, on the same line, the notes that say what to do about it."""
    return "; ".join([str(error), *getattr(error, "__notes__", ())])


class Health:
    """The failures of a relay, until it has recovered from them.

    Args:
        backoff: how long to wait after each outage.

    Attributes:
        failing: what can not be reached; None if nothing is missing.
        outages: how often in a row it could not be reached.
        last_error: what went wrong last.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failing: str | None = None
        self.outages = 0
        self.last_error: str | None = None

    def outage(self, what: str, error: BaseException) -> float:
        """Note that something can not be reached; return how long to wait, in seconds."""
        self.failing = what
        self.outages += 1
        self.last_error = f"{type(error).__name__}: {error}"
        delay = self._backoff.delay(self.outages)
        log.warning(
            "%s is not available, next attempt in %.1f s: %s",
            what,
            delay,
            with_advice(error),
            extra={"event": "relay.outage", "what": what, "outages": self.outages},
        )
        return delay

    def failure(self, row: Row[Any], reason: str, *, attempts: int, parked: bool) -> None:
        """Note that a message was not sent, or is not tried any more."""
        self.last_error = reason
        log.error(
            "the message %s %s: %s",
            row.message_id,
            "is parked" if parked else "was not sent",
            reason,
            extra={
                "event": "relay.parked" if parked else "relay.failed",
                "message_id": str(row.message_id),
                "message_name": row.name,
                "position": row.position,
                "attempts": attempts,
            },
        )

    def recovered(self) -> None:
        """Forget what has gone wrong."""
        if self.failing is not None:
            log.info("%s is back", self.failing, extra={"event": "relay.back"})
        self.failing = self.last_error = None
        self.outages = 0
