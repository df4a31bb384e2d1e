"""The statuses of a transaction."""

from __future__ import annotations

import enum


class TransactionStatus(enum.Enum):
    """Current status of a transaction."""

    running = "running"
    """Messages can be handled; it is neither committed nor rolled back."""
    streaming = "streaming"
    """Running and detached: it stays open after its *with* block until it is closed."""
    committed = "committed"
    """Its changes are permanent."""
    rolledback = "rolledback"
    """Its changes are undone."""
    closed = "closed"
    """It has ended and accepts no further operation."""
