"""Consumers that are killed: what is committed is applied exactly once, in order for each key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from messagebus.inbox import ConsumerOptions
from messagebus.retry import Backoff
from tests.running.blocking import sqlite_url

from .application import MANY, Job
from .faults import READING, Point
from .reading import RefusedError, kill_any_at_random, kill_reader_at, reading

OPTIONS = ConsumerOptions(
    max_attempts=MANY,
    hopeless=[RefusedError],
    backoff=Backoff(first=0.01, longest=0.05),
    reconnect=Backoff(first=0.02, longest=0.1),
    lease=1.0,
)


@pytest.fixture(params=["redis"])
def consuming(request: pytest.FixtureRequest, job: Job, tmp_path: Path, unique_name: str) -> Job:
    """Return a job with consumers that have a database of their own."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    source = f"{url}?stream={unique_name}&create=true"
    other = sqlite_url(tmp_path / "copy.db")
    if not job.database.startswith("sqlite"):
        other = request.getfixturevalue("other_postgres_url")
    return replace(job, source=source, consumer_database=other, consumer=OPTIONS)


@pytest.mark.parametrize("point", READING)
def test_a_consumer_killed_at_a_fault_point_applies_each_message_once(
    consuming: Job, point: Point
) -> None:
    """Its marks are committed with its data, and what is not settled comes again."""
    with reading(consuming) as trial:
        result = kill_reader_at(trial, point, times=2)
    assert [] == result.violations
    assert result.applied
    assert result.buried


@pytest.mark.parametrize("options", [{}, {"transaction_batch": 10}, {"concurrency": 3}], ids=str)
def test_whatever_is_killed_each_message_is_applied_once(
    consuming: Job, options: dict[str, Any]
) -> None:
    """Writers, relays and consumers die at random moments; the order of each key stays."""
    killed = replace(consuming, consumer=replace(OPTIONS, **options))
    with reading(killed) as trial:
        result = kill_any_at_random(trial, times=6)
    assert [] == result.violations
    assert result.applied
