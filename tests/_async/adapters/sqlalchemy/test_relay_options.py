"""The sizes and times that a relay accepts, and those that it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff
from messagebus.exceptions import ConfigurationError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish
from tests.running.aio import AsyncEngine

NO_NUMBERS = [-1, float("nan"), float("inf"), 1e300, 10**400, True, "1", None, timedelta(1)]


async def test_every_wrong_size_or_time_is_refused_when_the_relay_is_made(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The error names the option; nothing is left for the database to complain about."""
    wrong: dict[str, list[Any]] = {
        "batch_size": [0, 1.5, 30_001, *NO_NUMBERS],
        "max_attempts": [0, 1.5, 2**31, *NO_NUMBERS],
        "retention_batch": [0, 1.5, 30_001, *NO_NUMBERS],
        "poll_interval": [0, 1e-9, *NO_NUMBERS],
        "lease": [0, 1e-9, 25 * 86_400.0, *NO_NUMBERS],
        "retention_interval": [*NO_NUMBERS],
        "retention": [timedelta(microseconds=-1), timedelta.max, timedelta.min, 30],
    }
    for option, values in wrong.items():
        for value in values:
            if (option, value) == ("retention", None):
                continue
            with pytest.raises(ConfigurationError, match=f"{option} must be "):
                AsyncOutboxRelay(engine, transport, **{option: value})


@pytest.mark.parametrize(
    "options",
    [
        {
            "batch_size": 30_000,
            "max_attempts": 2**31 - 1,
            "poll_interval": 36_500 * 86_400,
            "lease": 24 * 86_400,
            "backoff": Backoff(first=36_500 * 86_400, longest=36_500 * 86_400, jitter=1),
            "retention": timedelta(days=36_500),
            "retention_batch": 30_000,
            "retention_interval": 36_500 * 86_400,
        },
        {
            "batch_size": 1,
            "max_attempts": 2,
            "poll_interval": 0.001,
            "backoff": Backoff(first=0, longest=0, jitter=0),
            "retention": timedelta(0),
            "retention_batch": 1,
            "retention_interval": 0,
        },
    ],
    ids=["largest", "smallest"],
)
async def test_a_relay_works_with_whatever_it_accepts(
    engine: AsyncEngine, transport: AsyncRecorder, options: dict[str, Any]
) -> None:
    """No database and no clock overflows."""
    await publish(engine, "1", "2", "3")
    relay = AsyncOutboxRelay(engine, transport, **options)

    assert 3 == await relay.drain()
    await publish(engine, "4")
    assert 1 == await relay.drain()


async def test_the_longest_wait_between_attempts_can_be_stored(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The time of the next attempt is one that every database knows."""
    [event] = await publish(engine, "1")
    longest = Backoff(first=36_500 * 86_400, longest=36_500 * 86_400, jitter=1)
    transport.poison = {str(event.message_id): RuntimeError("too large")}
    relay = AsyncOutboxRelay(engine, transport, backoff=longest)
    transport.before = lambda _: relay.stop()

    assert 0 == await relay.drain()
    [record] = await relay.outbox.list("pending")
    assert record.next_attempt_at is not None
    assert record.next_attempt_at.year > 2100
