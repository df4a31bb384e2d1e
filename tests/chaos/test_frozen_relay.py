"""A relay that stands still until another one has done its work, and then goes on."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import SyncOutbox, tables
from tests.adapters.stored import entries
from tests.running.blocking import eventually

from .application import Job, application, trapped_relay
from .faults import Fault, Point
from .trial import Trial

TRANSACTIONS = 10
LEASE = 0.6  # seconds; not to be lost before the relay is frozen, whatever else runs


@pytest.mark.parametrize("point", [Point.SENDING, Point.HALF_SENT, Point.SENT])
def test_a_relay_that_was_frozen_marks_nothing_and_doubles_a_batch_at_most(
    job: Job, point: Point, redis_url: str, unique_name: str
) -> None:
    """Another relay takes over, sends everything, and what the first one thinks is of no effect."""
    with Trial(replace(job, lease=LEASE)) as trial:
        freeze_and_thaw(trial, point)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert 1 == result.lost
    assert result.duplicates


def test_a_relay_that_was_frozen_while_it_marked_has_marked_nothing(
    postgres_url: str, stream_url: str, redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """PostgreSQL undoes what it has begun; on SQLite others would wait until it is thawed."""
    with Trial(Job(postgres_url, stream_url, tmp_path, seed=1, lease=LEASE)) as trial:
        freeze_and_thaw(trial, Point.MARKED)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert 1 == result.lost


def freeze_and_thaw(trial: Trial, point: Point) -> None:
    """Freeze a relay that leads, and thaw it when another one has sent everything."""
    frozen = trial.start(trapped_relay, Fault(point, signal=signal.SIGSTOP))
    eventually(SyncOutbox(trial.engine).leader)
    trial.await_success(trial.start(application, None, TRANSACTIONS))
    before = contents(trial.engine)
    assert 0 == trial.lost
    trial.thaw(frozen)
    eventually(lambda: trial.lost)
    assert before == contents(trial.engine)
    frozen.terminate()
    trial.await_success(frozen)


def contents(engine: sa.Engine) -> list[object]:
    """Return all that is stored of messages."""
    query = sa.select(tables.messages).order_by(tables.messages.c.position)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]
