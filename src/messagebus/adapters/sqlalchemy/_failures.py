"""The failures of a relay, as it remembers and logs them."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ...exceptions import MissingTableError
from ...retry import Backoff

DATABASE = "the database"
BROKER = "the broker"

DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError, PoolTimeoutError, OSError)
"""The errors of a database that is restarting, full or locked, and may soon be back.

Some drivers, such as asyncpg, raise the OSError of a connection, which SQLAlchemy does not wrap.
"""

log = logging.getLogger("messagebus.relay")
"""The log of a relay; its parts share it."""


def with_advice(error: BaseException) -> str:
    """Return an error and its notes, which say what to do, on one line."""
    return "; ".join([str(error), *getattr(error, "__notes__", ())])


class Failures:
    """The failures of a relay from which it has not recovered.

    Args:
        backoff: the waits after outages.

    Attributes:
        failing: the database or the broker, if it cannot be reached; otherwise None.
        outages: the number of outages in a row.
        last_error: the last error.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failing: str | None = None
        self.outages = 0
        self.last_error: str | None = None

    def outage(self, what: str, error: BaseException) -> float:
        """Note that something cannot be reached; return how long to wait, in seconds."""
        self.failing = what
        self.outages += 1
        known, self.last_error = self.last_error, f"{type(error).__name__}: {error}"
        delay = self._backoff.delay(self.outages)
        # A migration may be hours away: one warning is enough.
        waits = isinstance(error, MissingTableError) and self.last_error == known
        log.log(
            logging.DEBUG if waits else logging.WARNING,
            "%s is not available, next attempt in %.1f s: %s",
            what,
            delay,
            with_advice(error),
            extra={"event": "relay.outage", "what": what, "outages": self.outages},
        )
        return delay

    def failure(self, row: Row[Any], reason: str, *, attempts: int, parked: bool) -> None:
        """Note that a message was not sent, or is parked."""
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
        """Forget all failures."""
        if self.failing is not None:
            log.info("%s is back", self.failing, extra={"event": "relay.back"})
        self.failing = self.last_error = None
        self.outages = 0
