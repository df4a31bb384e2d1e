"""The failures of a relay, as it remembers and logs them."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from ..._error_text import brief, with_advice
from ...exceptions import ConfigurationError, TransportRefusedError
from ...retry import Backoff
from .errors import Meaning, add_advice, code_of, meaning_of

DATABASE = "the database"
BROKER = "the broker"

DATABASE_ERRORS = (SQLAlchemyError, OSError)
"""The errors of using a database; *meaning_of* sorts them.

Some drivers, such as asyncpg, raise the OSError of a connection, which SQLAlchemy does not wrap.
"""

_FACTS = {
    Meaning.AGAIN: "was busy",
    Meaning.MISSING: "is not complete",
    Meaning.CONFIGURATION: "refuses the relay",
}

log = logging.getLogger("messagebus.relay")
"""The log of a relay; its parts share it."""


def is_conflict(error: BaseException) -> bool:
    """Return whether a transaction was sacrificed to another one: try it again at once."""
    return (code_of(error) or "").startswith("40")


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
        self._has_worked = False

    def of_database(self, error: Exception) -> float:
        """Note an error of the database; return how long to wait, in seconds.

        What somebody must change, such as a right, ends a relay that has never worked; one that
        has worked waits until it is changed back.

        Raises:
            Exception: the error, which cannot be waited for.
        """
        add_advice(error)
        meaning = meaning_of(error)
        is_ours = isinstance(error, ConfigurationError)  # not an answer of the database
        refused = meaning is Meaning.CONFIGURATION and (is_ours or not self._has_worked)
        if meaning is Meaning.BUG or refused:
            raise error
        delay = self.outage(DATABASE, error)
        return delay / 10 if meaning is Meaning.AGAIN else delay

    def outage(self, what: str, error: BaseException) -> float:
        """Note that something cannot be reached; return how long to wait, in seconds."""
        self.failing = what
        self.outages += 1
        known, self.last_error = self.last_error, brief(error)
        delay = self._backoff.delay(self.outages)
        meaning = meaning_of(error) if what == DATABASE else Meaning.OUTAGE
        # A migration may be hours away: one warning is enough.
        waits = meaning is Meaning.MISSING and self.last_error == known
        refused = isinstance(error, TransportRefusedError)
        level = logging.ERROR if refused else logging.DEBUG if waits else logging.WARNING
        log.log(
            level,
            "%s %s, next attempt in %.1f s: %s",
            what,
            _FACTS.get(meaning, "is not available"),
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
        self._has_worked = True
        if self.failing is not None:
            log.info("%s is back", self.failing, extra={"event": "relay.back"})
        self.failing = self.last_error = None
        self.outages = 0
