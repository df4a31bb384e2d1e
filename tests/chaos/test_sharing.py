"""Processes that share a stream: `python -m tests.chaos --sharing` has more messages."""

from __future__ import annotations

import pytest

from .brokers import BROKERS, announce
from .sharing import counting, fill, new_sharing, share

MESSAGES = 3_000


@pytest.mark.parametrize("broker", [each for each in BROKERS if each != "kafka"])
def test_processes_that_die_and_join_apply_each_message_once(
    broker: str, unique_name: str, postgres_url: str, request: pytest.FixtureRequest
) -> None:
    """Nothing is lost or doubled, and the order of each key stays, whoever holds its partition."""
    url: str = request.getfixturevalue(f"{broker}_url")
    entry, place = BROKERS[broker], (url, unique_name, 4)
    job = new_sharing(postgres_url, entry.source(*place), transaction_batch=2)
    announce(job.source, job.consumer)
    fill(entry.transport(*place), MESSAGES, keys=50, seed=1)
    with counting(postgres_url) as engine:
        result = share(engine, job, MESSAGES, processes=2, every=0.8, most=3)

    assert [] == result.violations
    assert result.kills
