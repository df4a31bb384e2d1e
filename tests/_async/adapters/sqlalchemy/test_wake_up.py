"""The wake-up of a relay after a commit: by NOTIFY on PostgreSQL, and by polling everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import (
    AsyncOutbox,
    AsyncOutboxRelay,
    Backoff,
    async_create_tables,
    tables,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, take_positions
from tests.library import BookBorrowed
from tests.running.aio import (
    PATIENCE,
    AsyncEngine,
    background,
    driver_connection,
    eventually,
    new_engine,
    pause,
)

NEVER = 3600.0  # seconds

AWAY = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on PostgreSQL."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def writer(postgres_url: str, engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Yield the engine of another process: nothing is shared but the database."""
    engine = new_engine(postgres_url)
    yield engine
    await engine.dispose()


async def is_listening(engine: AsyncEngine) -> bool:
    """Tell whether the relay sleeps until it is notified."""
    async with engine.connect() as connection:
        return bool(await connection.scalar(sa.select(tables.lease.c.listening)))


async def test_a_relay_is_notified_of_a_commit_without_polling(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Without polling, notifications report the commits of other processes."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=NEVER, lease=NEVER)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)

    async def sleeps() -> bool:
        return await is_listening(writer)

    async with background(relay.run, relay.stop):
        for number in range(3):
            await eventually(sleeps)
            await publish(writer, str(number))

            async def arrived(expected: int = number + 1) -> bool:
                return len(transport.sent) == expected

            await eventually(arrived)


async def test_a_commit_that_began_before_the_relay_slept_does_not_wait_for_the_poller(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """It notifies no one; the relay polls soon after going idle."""
    event = BookBorrowed()
    relay = AsyncOutboxRelay(engine, transport, poll_interval=NEVER, lease=NEVER)

    async def sleeps() -> bool:
        return await is_listening(writer)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with (uow := AsyncShelves(writer)) as transaction:
        await AsyncMessageBus[Any]().handle(event, transaction)
        await take_positions(uow)
        async with background(relay.run, relay.stop):
            await eventually(sleeps)
            await pause(0.1)  # it has looked, and found nothing
            await transaction.commit()
            await eventually(arrived)


async def test_a_replayed_message_wakes_the_relay_as_well(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A replayed message does not wait for the next poll."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=NEVER, lease=NEVER, max_attempts=1)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)
    transport.fail(RuntimeError("no"))
    await publish(writer, "1")

    async def sleeps() -> bool:
        return await is_listening(writer)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(sleeps)
        assert 1 == await AsyncOutbox(writer).replay()
        await eventually(arrived)


async def test_polling_delivers_what_is_not_notified(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A lost notification costs time, but no message."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01)

    async def sleeps() -> bool:
        return await is_listening(writer)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(sleeps)
        async with writer.begin() as connection:
            await connection.execute(sa.update(tables.lease).values(listening=False))
        await publish(writer, "1")
        await eventually(arrived)


async def test_the_relay_listens_again_after_its_connection_was_lost(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A connection that the server ends is replaced, and no commit is missed."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.05)

    async def sleeps() -> bool:
        return await is_listening(writer)

    async def listens() -> bool:
        query = sa.text(AWAY.text.replace("pg_terminate_backend(pid)", "count(*)"))
        async with writer.connect() as connection:
            return bool(await connection.scalar(query))

    async def arrived() -> bool:
        return len(transport.sent) == 2

    async with background(relay.run, relay.stop):
        await eventually(sleeps)
        await eventually(listens)
        async with writer.begin() as connection:
            await connection.execute(AWAY)
        await publish(writer, "1")
        await eventually(listens)
        await publish(writer, "2")
        await eventually(arrived)


async def test_nobody_is_notified_while_no_relay_sleeps(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A transaction takes the lock of NOTIFY only if there is a relay to wake."""
    async with engine.connect() as connection:
        listener = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await listener.exec_driver_sql(f"LISTEN {tables.channel}")
        await AsyncOutboxRelay(engine, transport).drain()
        await publish(engine, "1")
        await listener.exec_driver_sql(f"NOTIFY {tables.channel}, 'the end'")
        driver = await driver_connection(listener)
        notifications = driver.notifies(timeout=PATIENCE, stop_after=1)
        heard = [notification.payload async for notification in notifications]
        await connection.invalidate()

    assert ["the end"] == heard
