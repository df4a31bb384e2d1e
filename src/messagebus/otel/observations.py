"""Observations of metrics, from the status of a relay and of a consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.metrics import Observation

from . import conventions as names

_OUTCOMES = {
    "handled": "handled",
    "duplicates": "duplicate",
    "skipped": "skipped",
    "retried": "retried",
    "buried": "dead_letter",
}


def of_consumer(consumer: Any) -> Mapping[str, Sequence[Observation]]:
    """Return the observations of a consumer."""
    status, name = consumer.status(), {names.CONSUMER_GROUP: consumer.name}
    return {
        names.CONSUMER_MESSAGES: [
            Observation(getattr(status, field), {**name, names.OUTCOME: outcome})
            for field, outcome in _OUTCOMES.items()
        ],
        names.CONSUMER_HELD: [Observation(status.held, name)],
    }


def of_relay(status: Any) -> Mapping[str, Sequence[Observation]]:
    """Return the observations of a relay.

    Args:
        status: its status; None if it could not be read.
    """
    if status is None:
        return {}
    backlog = status.backlog
    return {
        names.OUTBOX_MESSAGES: [
            Observation(backlog.pending, {"state": "pending"}),
            Observation(backlog.parked, {"state": "parked"}),
        ],
        names.OUTBOX_AGE: [Observation(backlog.oldest_age or 0.0)],
        names.RELAY_SENT: [Observation(status.sent)],
        names.RELAY_LEADING: [Observation(int(status.leading))],
        names.RELAY_OUTAGES: [Observation(status.outages)],
    }
