"""The capabilities of transports."""

from __future__ import annotations

import enum


class Capability(enum.Enum):
    """A capability that some transports have; its rules run for these only."""

    DEDUPLICATION = "keeps one message for each identifier"
    DESTINATION = "knows whether its destination exists"
    SIZE_LIMIT = "refuses messages that are too large"
    OUTAGES = "has a broker that can be stopped, killed and started, and keeps confirmed messages"
