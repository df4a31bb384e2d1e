"""Cancelled tasks leave nothing half done and lose no connection."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, async_create_tables, prepare_sqlite
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored
from tests.library import BookBorrowed


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Yield an engine with the tables, and a small pool of connections."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'messages.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = create_async_engine(url, pool_size=2, max_overflow=0)
    # Transactions follow one another here, so a wait for a lock means that one was left behind.
    prepare_sqlite(engine, busy_timeout=5.0)
    await async_create_tables(engine)
    yield engine
    await engine.dispose()


async def test_a_cancelled_transaction_keeps_nothing_and_gives_its_connection_back(
    engine: AsyncEngine,
) -> None:
    """It may be cancelled anywhere, and even twice in a row."""
    bus = AsyncMessageBus[Any]()
    handled = asyncio.Event()

    async def transact() -> None:
        async with AsyncShelves(engine) as transaction:
            await transaction.session.execute(sa.text("SELECT 1"))
            await bus.handle(BookBorrowed(), transaction)
            handled.set()
            await asyncio.sleep(3600)
            await transaction.commit()

    for _ in range(10):
        handled.clear()
        task = asyncio.create_task(transact())
        await handled.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [] == await stored(engine)
    assert 1 == len(await publish(engine, "1"))
    assert 1 == len(await stored(engine))


# aiosqlite does not close what it is connecting when it is cancelled; from Python 3.13 on, sqlite3
# then complains.
@pytest.mark.filterwarnings("ignore:.*(finalizing database connection|sqlite3.Connection)")
async def test_a_transaction_cancelled_at_any_moment_is_whole_or_not_there(
    engine: AsyncEngine,
) -> None:
    """Both messages are there or none, and the unit of work can be used again."""
    bus = AsyncMessageBus[Any]()
    uow = AsyncShelves(engine)

    async def transact() -> None:
        async with uow as transaction:
            await bus.handle(BookBorrowed(), transaction)
            await bus.handle(BookBorrowed(), transaction)
            await transaction.commit()

    finished = 0
    for steps in range(40):
        task = asyncio.create_task(transact())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        finished += not isinstance(
            (await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError
        )

    gc.collect()  # what aiosqlite has left, before another test is blamed for it
    count = len(await stored(engine))
    assert 0 == count % 2
    assert count >= 2 * finished


async def test_a_relay_that_is_cancelled_leaves_and_counts_its_attempt(
    engine: AsyncEngine,
) -> None:
    """The next one sends the batch in flight, and need not wait for the lease to end."""
    await publish(engine, "1")
    sending = asyncio.Event()

    class Hanging(AsyncRecorder):
        async def send_message_serialized(self, message: Any) -> None:
            sending.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(AsyncOutboxRelay(engine, Hanging(), lease=3600).run())
    await sending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    transport = AsyncRecorder()
    assert 1 == await AsyncOutboxRelay(engine, transport, lease=3600).drain()
    assert [2] == [record.attempts for record in await stored(engine)]


async def test_a_statement_that_is_cancelled_leaves_no_lock_behind(tmp_path: Path) -> None:
    """SQLite lets others write at once, although the error still knows the cursor."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'messages.db'}")
    prepare_sqlite(engine, busy_timeout=10.0)
    begun = threading.Event()

    def slow() -> int:
        begun.set()
        time.sleep(0.1)
        return 1

    def connect(connection: Any, _record: object) -> None:
        connection.create_function("slow", 0, slow)

    sa.event.listen(engine.sync_engine, "connect", connect)
    await async_create_tables(engine)
    insert = sa.text(
        "INSERT INTO messagebus_lease SELECT :name, slow(), 'x', '2026-01-01', 0, NULL, NULL"
    )

    async def transact() -> None:
        async with AsyncShelves(engine) as transaction:
            await transaction.session.execute(insert, [{"name": "x"}, {"name": "y"}])

    task = asyncio.create_task(transact())
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    [error] = await asyncio.gather(task, return_exceptions=True)
    await publish(engine, "1")

    assert isinstance(error, asyncio.CancelledError)
    assert 1 == len(await stored(engine))
    await engine.dispose()
