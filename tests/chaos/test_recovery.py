"""A relay that follows one that was killed, long before the lease of that one ends."""

from __future__ import annotations

from dataclasses import replace

from messagebus.adapters.sqlalchemy import SyncOutbox
from tests.adapters.stored import entries
from tests.running.blocking import eventually

from .application import Job, application, command_line
from .faults import Fault, Point
from .trial import Trial

LEASE = 3600.0  # seconds: nothing would be sent in time if somebody waited for its end


def test_a_relay_that_is_killed_and_started_again_sends_at_once(
    job: Job, redis_url: str, unique_name: str
) -> None:
    """The lock of the killed process is free, so its lease is not waited for."""
    with Trial(replace(job, lease=LEASE)) as trial:
        trial.run_into(Fault(Point.HALF_SENT))
        trial.finish()
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations


def test_a_standby_follows_a_leader_that_is_killed(
    job: Job, redis_url: str, unique_name: str
) -> None:
    """It sends what the leader and the writers of its process have left."""
    with Trial(replace(job, lease=LEASE)) as trial:
        leader = trial.start(application, None, None)
        outbox = SyncOutbox(trial.engine)
        eventually(outbox.leader)
        trial.start(command_line)
        trial.kill(leader)
        eventually(lambda: outbox.backlog().pending == 0)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
