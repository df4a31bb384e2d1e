"""The ranges of the options of a relay."""

from __future__ import annotations

from ..._ranges import LARGEST_BATCH, SHORTEST, ensure_duration, ensure_number, ensure_whole
from ...exceptions import ConfigurationError

LONGEST_LEASE = 24 * 86_400.0
"""The longest lease, in seconds: PostgreSQL counts the milliseconds of a time-out in 31 bits."""


def ensure_relay_options(
    batch_size: object,
    max_attempts: object,
    poll_interval: object,
    lease: object,
    on_poison: object,
) -> None:
    """Ensure that the options of a relay are in their ranges.

    Raises:
        ConfigurationError: one is not.
    """
    ensure_whole("batch_size", batch_size, most=LARGEST_BATCH)
    ensure_whole("max_attempts", max_attempts)
    ensure_number("poll_interval", poll_interval, least=SHORTEST)
    ensure_number("lease", lease, least=SHORTEST, most=LONGEST_LEASE)
    if on_poison not in ("park", "stop"):
        text = f"on_poison must be 'park' or 'stop', not {on_poison!r}"
        raise ConfigurationError(text)


def ensure_retention_options(
    retention: object, retention_batch: object, retention_interval: object
) -> None:
    """Ensure that the options for what a relay deletes are in their ranges.

    Raises:
        ConfigurationError: one is not.
    """
    if retention is not None:
        ensure_duration("retention", retention)
    ensure_whole("retention_batch", retention_batch, most=LARGEST_BATCH)
    ensure_number("retention_interval", retention_interval)
