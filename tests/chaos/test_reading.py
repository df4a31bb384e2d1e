"""Consumers that are killed: what is committed is applied exactly once, in order for each key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.running.blocking import sqlite_url
from tests.servers import PostgresServer
from tests.servers.postgres import new_database

from .application import Job
from .brokers import BROKERS
from .faults import READING, WRITING
from .reading import consuming_job, kill_any_at_random, kill_consumers_at, kill_writers_at, reading

# Not Kafka: the server of the tests may let a group wait for ever whose leader dies while another
# member joins. `python -m tests.chaos --consumers --broker kafka` tries it.
PAIRS = [("sqlite", "redis"), ("postgresql", "nats"), ("postgresql", "rabbitmq")]
# With one consumer at a time, it works.
ALONE = [each for each in (*PAIRS, ("sqlite", "kafka")) if each[1] in BROKERS]
PAUSE = 0.2  # seconds: writers write less than a consumer that is killed again and again applies
# Not RabbitMQ: version 3.10 may leave a queue without a leader after a SIGKILL.
RESTARTED = [each for each in (("redis", 6), ("nats", 6), ("kafka", 2)) if each[0] in BROKERS]


@pytest.fixture
def consuming(request: pytest.FixtureRequest, tmp_path: Path, unique_name: str) -> Job:
    """Return a job with consumers; `python -m tests.chaos --consumers` tries all pairs."""
    database, broker = request.param
    urls = [sqlite_url(tmp_path / "messages.db"), sqlite_url(tmp_path / "copy.db")]
    if database == "postgresql":
        fixtures = ("postgres_url", "other_postgres_url")
        urls = [request.getfixturevalue(each) for each in fixtures]
    server: str = request.getfixturevalue(f"{broker}_url")
    return consuming_job(broker, server, unique_name, urls, tmp_path, seed=1)


@pytest.mark.parametrize("consuming", ALONE, ids="-".join, indirect=True)
def test_consumers_killed_at_every_fault_point_apply_each_message_once(consuming: Job) -> None:
    """Their marks are committed with their data, and what is not settled comes again."""
    with reading(replace(consuming, pause=PAUSE)) as trial:
        result = kill_consumers_at(trial, READING, times=1)
    assert [] == result.violations
    assert result.applied
    assert result.buried


@pytest.mark.parametrize("consuming", ALONE, ids="-".join, indirect=True)
def test_messages_of_writers_killed_at_every_fault_point_are_applied_once(consuming: Job) -> None:
    """What a killed relay sends again is applied once, and in order."""
    with reading(replace(consuming, pause=PAUSE, retention=True)) as trial:
        result = kill_writers_at(trial, WRITING, times=1)
    assert [] == result.violations
    assert result.applied


@pytest.mark.parametrize("consuming", PAIRS, ids="-".join, indirect=True)
@pytest.mark.parametrize("options", [{}, {"transaction_batch": 10}, {"concurrency": 3}], ids=str)
def test_whatever_is_killed_each_message_is_applied_once(
    consuming: Job, options: dict[str, Any]
) -> None:
    """Writers, relays and consumers die at random moments; the order of each key stays."""
    killed = replace(consuming, consumer=replace(consuming.consumer, **options))
    with reading(killed) as trial:
        result = kill_any_at_random(trial, times=6)
    assert [] == result.violations
    assert result.applied


@pytest.mark.parametrize(("broker", "times"), RESTARTED)
def test_whatever_is_restarted_each_message_is_applied_once(
    broker: str,
    times: int,
    own_postgres: PostgresServer,
    unique_name: str,
    tmp_path: Path,
) -> None:
    """Database and broker die at random moments, and so do the processes in between.

    A Kafka in memory has its connections cut instead.
    """
    with (
        BROKERS[broker].server() as server,
        new_database(own_postgres.url) as url,
        new_database(own_postgres.url) as other,
    ):
        databases = (url, other)
        job = consuming_job(
            broker, server.url, unique_name, databases, tmp_path, seed=3, restarts=True
        )
        with reading(replace(job, pause=PAUSE)) as trial:
            result = kill_any_at_random(trial, times, [server, own_postgres])
    assert [] == result.violations
    assert result.applied
    assert result.restarts
