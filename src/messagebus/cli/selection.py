"""The filter that the arguments of a command describe."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from ..adapters.sqlalchemy import MessageFilter


def selection(options: Namespace) -> MessageFilter:
    """Return the filter for the messages that a command is about."""
    until = options.until if "until" in options else None
    if "older_than" in options:
        until = datetime.now(UTC) - options.older_than
    return MessageFilter(
        name=options.name,
        kind=options.kind,
        correlation_id=options.correlation,
        since=options.since if "since" in options else None,
        until=until,
        reason=options.reason,
    )
