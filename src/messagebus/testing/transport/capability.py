"""What a transport can do beyond what all can."""

from __future__ import annotations

import enum


class Capability(enum.Enum):
    """Something that some transports can do; the rules for it run if one can."""

    DEDUPLICATION = "keeps one of the messages that have the same identifier"
    DESTINATION = "knows whether what it sends to exists"
    SIZE_LIMIT = "refuses messages that are too large"
    OUTAGES = "has a broker that can be stopped, killed and started, and keeps what it confirmed"
