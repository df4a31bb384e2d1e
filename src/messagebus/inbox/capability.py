"""The capabilities of sources."""

from __future__ import annotations

import enum


class SourceCapability(enum.Enum):
    """A capability that some sources have; its rules run for these only."""

    ORDER = "keeps order across processes"
    REDELIVERED = "tells whether a message was delivered before"
    SEPARATE = "settles each message by itself, whatever is before it"
    DELAY = "holds a released message back for a while"
    LEASED = "has partitions that the consumer leases"
    OUTAGES = "has a broker that can be stopped, killed and started, and keeps confirmed messages"
    HISTORY = "delivers what was sent before the first consumer of a name started"
