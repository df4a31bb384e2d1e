"""The backlog of an outbox, and the state of its relays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of published messages in each state.

    Attributes:
        pending: the messages that wait to be sent.
        oldest_age: the age of the first pending message, in seconds; None if there is none.
        parked: the messages that could not be sent and let the others pass.
        sent: the messages that were sent and are kept; None if they were not counted.
    """

    pending: int
    oldest_age: float | None
    parked: int
    sent: int | None


@dataclass(frozen=True, slots=True)
class Leader:
    """The holder of the lease, present or last.

    Attributes:
        holder: its host, its process and a random part.
        token: the number of holders so far, including this one.
        expires_at: when another relay may take over unless the lease is renewed, in UTC.
        expired: whether another relay may take over now.
    """

    holder: str
    token: int
    expires_at: datetime
    expired: bool


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The status of a relay.

    Attributes:
        running: whether it runs, as leader or standby.
        leading: whether it is the relay that sends.
        leader: the relay that sends; None if there has never been one.
        outages: the number of outages of the broker or the database in a row.
        last_error: the last error; None once messages are sent again.
        backlog: the messages that wait.
        sent: the number of messages that this relay has sent since it was made.
        retention_error: why sent messages cannot be deleted; None if nothing is in the way. It
            does not concern delivery, and so not *is_healthy*.
    """

    running: bool
    leading: bool
    leader: Leader | None
    outages: int
    last_error: str | None
    backlog: Backlog
    sent: int = 0
    retention_error: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether this relay runs, some relay leads, and nothing has failed lately."""
        led = self.leader is not None and not self.leader.expired
        return self.running and led and self.last_error is None
