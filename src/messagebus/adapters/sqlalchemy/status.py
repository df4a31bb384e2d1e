"""How much there is to send, and who sends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far published messages have come.

    Attributes:
        pending: how many wait to be sent.
        oldest_age: how long ago the first of them was made, in seconds; None if there is none.
        parked: how many could not be sent, and let the others pass.
        sent: how many were sent and are kept; None if they were not to be counted.
    """

    pending: int
    oldest_age: float | None
    parked: int
    sent: int | None


@dataclass(frozen=True, slots=True)
class Leader:
    """Who holds the lease, or has held it last.

    Attributes:
        holder: host, process and a random part.
        token: how many holders there have been, this one included.
        expires_at: when others may take over unless it is renewed, in UTC.
        expired: whether they may do so now.
    """

    holder: str
    token: int
    expires_at: datetime
    expired: bool


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """How a relay is.

    Attributes:
        running: whether it is at work, or ready to take over.
        leading: whether it is the one that sends.
        leader: who sends; None if nobody ever did.
        outages: how often in a row the broker or the database could not be reached.
        last_error: what went wrong last; None once messages are sent again.
        backlog: how much there is to send.
    """

    running: bool
    leading: bool
    leader: Leader | None
    outages: int
    last_error: str | None
    backlog: Backlog

    @property
    def is_healthy(self) -> bool:
        """Whether this relay runs, somebody leads, and nothing has failed lately."""
        led = self.leader is not None and not self.leader.expired
        return self.running and led and self.last_error is None
