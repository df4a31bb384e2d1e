"""Servers that are restarted under load."""

from __future__ import annotations

from pathlib import Path

from messagebus.adapters.sqlalchemy import SyncOutbox
from tests.adapters.stored import documents, entries
from tests.running.blocking import eventually, sqlite_url
from tests.servers import NatsServer, PostgresServer, RedisServer

from .application import Job, command_line
from .trial import Trial, restart_at_random


def test_a_database_that_is_killed_under_load_loses_nothing(
    own_postgres: PostgresServer, redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """Writers retry unconfirmed commits; relays repeat at most a batch."""
    transport = f"{redis_url}?stream={unique_name}&create=true&deduplicate_for=0"
    job = Job(own_postgres.url, transport, tmp_path, seed=1, restarts=True)
    with Trial(job) as trial:
        restart_at_random(trial, own_postgres, times=2)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert result.committed


def test_a_relay_that_leads_outlives_its_database(
    own_postgres: PostgresServer, redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """It loses its lease and keeps trying; when told to stop, it stops cleanly."""
    transport = f"{redis_url}?stream={unique_name}&create=true"
    job = Job(own_postgres.url, transport, tmp_path, seed=1)

    def logged(text: str, times: int) -> bool:
        return times <= (tmp_path / "relay.log").read_text("utf-8").count(text)

    with Trial(job) as trial:
        relay = trial.start(command_line)
        eventually(SyncOutbox(trial.engine).leader)
        own_postgres.kill()
        eventually(lambda: logged("is not available", 3) or not relay.is_alive())
        own_postgres.start()
        eventually(lambda: logged("is back", 1) or not relay.is_alive())
        relay.terminate()
        trial.await_success(relay)


def test_redis_may_be_killed_under_load(
    postgres_url: str, own_redis: RedisServer, unique_name: str, tmp_path: Path
) -> None:
    """The backlog waits, and goes out once and in order."""
    transport = f"{own_redis.url}?stream={unique_name}&create=true&patience=0.1"
    with Trial(Job(postgres_url, transport, tmp_path, seed=1)) as trial:
        restart_at_random(trial, own_redis, times=2)
        result = trial.result(entries(own_redis.url, unique_name), remembers=True)

    assert [] == result.violations
    assert result.committed


def test_nats_may_be_killed_under_load(own_nats: NatsServer, tmp_path: Path) -> None:
    """The backlog waits, and goes out once and in order."""
    query = "stream=EVENTS&subject=events.{name}&create=true&patience=0.1"
    database = sqlite_url(tmp_path / "messages.db")
    with Trial(Job(database, f"{own_nats.url}?{query}", tmp_path, seed=1)) as trial:
        restart_at_random(trial, own_nats, times=2)
        result = trial.result(documents(own_nats.url, "EVENTS"), remembers=True)

    assert [] == result.violations
    assert result.committed
