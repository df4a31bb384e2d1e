"""Where a transaction stands."""

from __future__ import annotations

import enum


class TransactionStatus(enum.Enum):
    """Where a transaction stands."""

    running = "running"
    """Messages can be handled; nothing is decided."""
    streaming = "streaming"
    """Running, and detached: it outlives its *with* block until it is closed."""
    committed = "committed"
    """What was done is kept."""
    rolledback = "rolledback"
    """What was done is undone."""
    closed = "closed"
    """It is over: nothing can be done with it any more."""
