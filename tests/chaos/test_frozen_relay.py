"""A relay that is frozen until another one has done its work."""

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
LEASE = 2.0  # seconds; long enough that a busy machine does not cost the lease before the freeze


@pytest.mark.parametrize("point", [Point.SENDING, Point.HALF_SENT, Point.SENT])
def test_a_thawed_relay_marks_nothing_and_repeats_at_most_a_batch(
    job: Job, point: Point, redis_url: str, unique_name: str
) -> None:
    """Another relay takes over and sends everything; the first one changes nothing."""
    with Trial(replace(job, lease=LEASE)) as trial:
        freeze_and_thaw(trial, point)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert 1 == result.lost
    assert result.duplicates


def test_a_relay_that_was_frozen_while_marking_has_marked_nothing(
    postgres_url: str, stream_url: str, redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """PostgreSQL rolls its transaction back; on SQLite others would wait for the thaw."""
    with Trial(Job(postgres_url, stream_url, tmp_path, seed=1, lease=LEASE)) as trial:
        freeze_and_thaw(trial, Point.MARKED)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert 1 == result.lost


def freeze_and_thaw(trial: Trial, point: Point) -> None:
    """Freeze the leading relay, and thaw it when another one has sent everything."""
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
    """Return the stored messages."""
    query = sa.select(tables.messages).order_by(tables.messages.c.position)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]
