"""Relays behind a pooler in transaction mode, of which the leader is killed."""

from __future__ import annotations

from pathlib import Path

from messagebus.adapters.sqlalchemy import Leader, SyncOutbox
from tests.adapters.stored import entries
from tests.running.blocking import eventually
from tests.servers import PgBouncer

from .application import Job, command_line, writers
from .trial import Trial

LEASE = 2.0  # seconds
KILLS = 2


def test_a_standby_behind_a_pooler_follows_a_leader_that_is_killed(
    postgres_url: str, stream_url: str, redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """It waits for the end of the lease, if a session of the pooler keeps the lock."""
    with PgBouncer(postgres_url) as pooler:
        url = f"{pooler.url}?prepare_threshold=None"
        job = Job(postgres_url, stream_url, tmp_path, seed=1, lease=LEASE, relay_database=url)
        with Trial(job) as trial:
            kill_leaders(trial)
            trial.finish()
            result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert result.committed


def kill_leaders(trial: Trial) -> None:
    """Kill the leader under load, again and again, and wait until another one leads and sends."""
    outbox = SyncOutbox(trial.engine)
    relays = [trial.start(command_line) for _ in range(1 + KILLS)]
    writing = trial.start(writers)

    def sent() -> int:
        return outbox.backlog(count_sent=True).sent or 0

    eventually(sent)
    for _ in range(KILLS):
        killed = leader(outbox)
        [process] = [each for each in relays if each.pid == int(killed.holder.split(":")[1])]
        trial.kill(process)

        def is_followed(holder: str = killed.holder) -> bool:
            return leader(outbox).holder != holder

        eventually(is_followed)

        def goes_on(before: int = sent()) -> bool:
            return sent() > before

        eventually(goes_on)
    for each in (writing, *relays):
        if each.is_alive():
            trial.kill(each)


def leader(outbox: SyncOutbox) -> Leader:
    """Return the relay that leads, or has led last."""
    found = outbox.leader()
    assert found is not None
    return found
