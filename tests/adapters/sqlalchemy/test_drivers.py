"""Each driver, isolation level and pool that the documentation calls supported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool, SingletonThreadPool, StaticPool

from messagebus import AsyncMessageBus, Event, SyncMessageBus
from messagebus.adapters.memory import AsyncMemoryTransport, SyncMemoryTransport
from messagebus.adapters.sqlalchemy import (
    AsyncOutboxRelay,
    AsyncSQLAlchemyUnitOfWork,
    Backoff,
    SyncOutboxRelay,
    SyncSQLAlchemyUnitOfWork,
    async_create_tables,
    prepare_sqlite,
    sync_create_tables,
)
from messagebus.adapters.sqlalchemy.errors import Meaning, meaning_of
from messagebus.exceptions import DuplicateMessageError
from tests.library import BookBorrowed
from tests.running.blocking import PATIENCE, eventually

LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


def publish(engine: sa.Engine, count: int = 1) -> list[str]:
    """Commit messages, all in one transaction; return their identifiers."""
    events = [BookBorrowed() for _ in range(count)]
    try:
        with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
            for each in events:
                SyncMessageBus[Any]().handle(each, transaction)
            transaction.commit()
    except DBAPIError as error:  # as a program must expect at a high isolation level
        if meaning_of(error) is not Meaning.AGAIN:
            raise
        return publish(engine, count)
    return [str(each.message_id) for each in events]


async def publish_async(engine: AsyncEngine, events: Sequence[Event]) -> None:
    """Commit messages, all in one transaction."""
    try:
        async with AsyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
            for each in events:
                await AsyncMessageBus[Any]().handle(each, transaction)
            await transaction.commit()
    except DBAPIError as error:
        if meaning_of(error) is not Meaning.AGAIN:
            raise
        await publish_async(engine, events)


@contextmanager
def running(relay: SyncOutboxRelay) -> Iterator[None]:
    """Run a relay in a thread."""
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        relay.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ids(transport: SyncMemoryTransport | AsyncMemoryTransport) -> list[str]:
    """Return the identifiers of what was sent."""
    return [each["id"] for each in transport.sent]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_sync_driver_of_postgresql_serves_at_every_isolation_level(
    postgres_url: str, driver: str, level: Any
) -> None:
    """Many messages and one, a duplicate, and a relay in a thread."""
    url = postgres_url.replace("+psycopg", f"+{driver}")
    engine = sa.create_engine(url, isolation_level=level)
    sync_create_tables(engine)
    transport = SyncMemoryTransport()
    relay = SyncOutboxRelay(engine, transport, poll_interval=0.05)
    with running(relay):
        sent = [*publish(engine, 20), *publish(engine)]
        eventually(lambda: len(transport.sent) >= len(sent))
    assert sent == ids(transport)

    event = BookBorrowed()
    with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
        SyncMessageBus[Any]().handle(event, transaction)
        transaction.commit()
    with (
        pytest.raises(DuplicateMessageError),
        SyncSQLAlchemyUnitOfWork[Any](engine) as transaction,
    ):
        SyncMessageBus[Any]().handle(event, transaction)
        transaction.commit()
    engine.dispose()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_an_async_driver_of_postgresql_serves_at_every_isolation_level(
    postgres_url: str, driver: str, level: Any
) -> None:
    """Many messages and one, a duplicate, and a relay in a task."""
    url = postgres_url.replace("+psycopg", f"+{driver}")
    engine = create_async_engine(url, isolation_level=level)
    await async_create_tables(engine)
    transport = AsyncMemoryTransport()
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.05)
    events = [BookBorrowed() for _ in range(20)]
    task = asyncio.create_task(relay.run())
    for some in (events[:19], events[19:]):
        await publish_async(engine, some)
    async with asyncio.timeout(PATIENCE):
        while len(transport.sent) < len(events):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        relay.stop()
        await task
    assert [str(each.message_id) for each in events] == ids(transport)
    with pytest.raises(DuplicateMessageError):
        await publish_async(engine, events[:1])
    await engine.dispose()


def test_psycopg2_is_polled(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It has one warning, and no connection beyond the pool's but for that of the leader's lock."""
    engine = sa.create_engine(
        postgres_url.replace("+psycopg", "+psycopg2"), pool_size=2, max_overflow=0
    )
    opened: list[object] = []
    sa.event.listen(engine, "connect", lambda *_: opened.append(1))
    sync_create_tables(engine)
    transport = SyncMemoryTransport()
    with running(SyncOutboxRelay(engine, transport, poll_interval=0.01)):
        for number in range(5):
            publish(engine)

            def arrived(expected: int = number + 1) -> bool:
                return len(transport.sent) == expected

            eventually(arrived)
    assert len(opened) <= 3  # one for the relay, one for the writer and one for the lock
    assert 1 == len([each for each in caplog.messages if "psycopg2 cannot listen" in each])
    engine.dispose()


async def test_asyncpg_is_polled(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It has one warning, and no connection beyond the pool's but for that of the leader's lock."""
    url = postgres_url.replace("+psycopg", "+asyncpg")
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    opened: list[object] = []
    sa.event.listen(engine.sync_engine, "connect", lambda *_: opened.append(1))
    await async_create_tables(engine)
    transport = AsyncMemoryTransport()
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(PATIENCE):
        for number in range(5):
            await publish_async(engine, [BookBorrowed()])
            while len(transport.sent) <= number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        relay.stop()
        await task
    assert 2 == len(opened)
    assert 1 == len([each for each in caplog.messages if "asyncpg cannot listen" in each])
    await engine.dispose()


@pytest.mark.parametrize("pool", [QueuePool, NullPool, SingletonThreadPool, StaticPool])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_any_pool_serves_a_relay(
    database: str, pool: type[sa.Pool], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A relay in a thread, and a writer with an engine of its own."""
    url = f"sqlite:///{tmp_path / 'messages.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_url")
    options = {"check_same_thread": False} if database == "sqlite" else {}
    writing = prepare_sqlite(sa.create_engine(url))
    engine = prepare_sqlite(sa.create_engine(url, poolclass=pool, connect_args=options))
    sync_create_tables(writing)
    transport = SyncMemoryTransport()
    with running(SyncOutboxRelay(engine, transport, poll_interval=0.05)):
        sent = [*publish(writing, 3), *publish(writing)]
        eventually(lambda: len(transport.sent) == len(sent))
    assert sent == ids(transport)
    engine.dispose()
    writing.dispose()


READ_ONLY_SERVER = {"options": "-c default_transaction_read_only=on"}


def test_a_commit_on_a_replica_says_so(postgres_url: str) -> None:
    """The error of the server comes with what to do, and nothing is stored."""
    engine = sa.create_engine(postgres_url)
    sync_create_tables(engine)
    engine.dispose()
    replica = sa.create_engine(postgres_url, connect_args=READ_ONLY_SERVER)
    with pytest.raises(DBAPIError, match="read-only transaction") as caught:
        publish(replica)
    assert "Connect to the primary" in caught.value.__notes__[0]
    replica.dispose()


def test_a_relay_on_a_replica_says_so_and_waits(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The replica may become the primary."""
    engine = sa.create_engine(postgres_url)
    sync_create_tables(engine)
    [expected] = publish(engine)
    replica = sa.create_engine(postgres_url, connect_args=READ_ONLY_SERVER, poolclass=NullPool)
    promoted: list[str] = []

    def connect(_dialect: object, _record: object, _arguments: object, options: Any) -> None:
        if promoted:
            options.pop("options", None)

    sa.event.listen(replica, "do_connect", connect)
    transport = SyncMemoryTransport()
    with running(SyncOutboxRelay(replica, transport, reconnect=Backoff(first=0.01))):
        eventually(lambda: any("Connect to the primary" in each for each in caplog.messages))
        assert [] == transport.sent
        promoted.append("now")
        eventually(lambda: len(transport.sent) == 1)
    assert [expected] == ids(transport)
    engine.dispose()


FORK = """
import os, sys
import sqlalchemy as sa
from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables
from tests.adapters.sqlalchemy.test_drivers import publish

engine = prepare_sqlite(sa.create_engine(sys.argv[1]))
sync_create_tables(engine)
publish(engine)
if (child := os.fork()) == 0:
    engine.dispose(close=False)
    publish(engine, 2)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
publish(engine)
"""


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_engine_serves_after_a_fork_that_disposes_of_it(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The child opens connections of its own, and those of the parent go on."""
    url = f"sqlite:///{tmp_path / 'messages.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_url")
    subprocess.run([sys.executable, "-c", FORK, url], check=True, timeout=PATIENCE)
    engine = prepare_sqlite(sa.create_engine(url))
    assert 4 == SyncOutboxRelay(engine, SyncMemoryTransport()).drain()
    engine.dispose()
