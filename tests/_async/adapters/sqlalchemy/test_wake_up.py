"""The wake-up of a relay after a commit: by NOTIFY on PostgreSQL, and by polling everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, StaticPool

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


async def test_a_notified_relay_claims_without_another_look(
    engine: AsyncEngine, writer: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Who is notified knows that something is pending."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=NEVER, lease=NEVER)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)
    sync_engine = getattr(engine, "sync_engine", engine)
    look = str(relay._batches._first.compile(sync_engine))
    looks = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement == look:
            looks.append(len(transport.sent))

    sa.event.listen(sync_engine, "after_cursor_execute", note)

    async def has_looked() -> bool:
        return bool(looks) and looks[-1] == len(transport.sent)

    async with background(relay.run, relay.stop):
        for number in range(3):
            await eventually(has_looked)
            await publish(writer, str(number))

            async def arrived(expected: int = number + 1) -> bool:
                return len(transport.sent) == expected

            await eventually(arrived)
        await eventually(has_looked)
    assert [0, 1, 2, 3] == looks


async def test_a_notified_relay_claims_by_one_statement(
    engine: AsyncEngine, writer: AsyncEngine
) -> None:
    """Who waits for the message waits for one answer of the database."""
    statements: list[str] = []
    before: list[list[str]] = []

    class AsyncNoting(AsyncRecorder):
        async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            before.append([*statements])
            await super().send_message_serialized(message)

    relay = AsyncOutboxRelay(engine, AsyncNoting(), poll_interval=NEVER, lease=NEVER)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)
    sync_engine = getattr(engine, "sync_engine", engine)
    look = str(relay._batches._first.compile(sync_engine))

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement == look:
            statements.clear()
        elif "messagebus_" in statement:  # not the test of the notifications
            statements.append(statement.split()[0])

    sa.event.listen(sync_engine, "after_cursor_execute", note)

    async def sleeps() -> bool:
        return not statements and await is_listening(writer)

    async with background(relay.run, relay.stop):
        for number in range(3):
            await eventually(sleeps)
            await publish(writer, str(number))

            async def arrived(expected: int = number + 1) -> bool:
                return len(before) == expected

            await eventually(arrived)
    assert [["WITH"]] * 3 == before


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


@pytest.mark.parametrize(
    "options",
    [
        {"pool_size": 1, "max_overflow": 0, "pool_timeout": 3},
        {"poolclass": NullPool},
        {"poolclass": StaticPool},
    ],
    ids=["one connection", "no pool", "one for all"],
)
async def test_a_relay_needs_one_connection_of_its_pool(
    writer: AsyncEngine, postgres_url: str, transport: AsyncRecorder, options: dict[str, Any]
) -> None:
    """It listens outside of the pool, and so is notified whatever room the pool has."""
    relaying = new_engine(postgres_url, **options)
    relay = AsyncOutboxRelay(relaying, transport, poll_interval=NEVER, lease=NEVER)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)

    async def sleeps() -> bool:
        return await is_listening(writer)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(sleeps)
        await publish(writer, "1")
        await eventually(arrived)
    await relaying.dispose()

    async def nobody_listens() -> bool:
        query = AWAY.text.replace("pg_terminate_backend(pid)", "count(*)")
        async with writer.connect() as connection:
            return not await connection.scalar(sa.text(query))

    await eventually(nobody_listens)  # the server notes the end of a connection when it can


async def test_a_server_without_room_for_the_listener_is_polled(
    writer: AsyncEngine,
    postgres_url: str,
    transport: AsyncRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """This is no outage; it is tried again after growing pauses."""
    relaying = new_engine(postgres_url, pool_size=1, max_overflow=0)
    opened: list[object] = []

    def connect(*arguments: object) -> None:
        opened.append(arguments)
        if len(opened) > 1:
            raise OperationalError(None, None, Exception("too many connections for role"))

    sa.event.listen(getattr(relaying, "sync_engine", relaying), "do_connect", connect)
    relay = AsyncOutboxRelay(relaying, transport, poll_interval=0.01)
    relay._notifications.retries = Backoff(first=0.001, factor=10, longest=NEVER, jitter=0.0)
    relay._lease.sign_of_life.retries = Backoff(first=NEVER, longest=NEVER)

    async def has_failed_often() -> bool:
        return len(opened) > 3

    async with background(relay.run, relay.stop):
        await eventually(has_failed_often)
        for number in range(5):
            await publish(writer, str(number))

            async def arrived(expected: int = number + 1) -> bool:
                return len(transport.sent) == expected

            await eventually(arrived)
        assert relay._failures.last_error is None
    await relaying.dispose()
    deaf = [each for each in caplog.messages if each.startswith("not listening")]
    unlocked = [each for each in caplog.messages if each.startswith("no lock for the leader")]
    assert 1 == len(unlocked)
    warnings = [each for each in deaf if "too many connections" in each]
    assert len(opened) - 2 == len(warnings)  # the pool's own, and the one for the lock
    assert "next attempt in 0.0 s" in warnings[0]
    assert "next attempt in 0.1 s" in warnings[2]


async def test_a_listener_that_hears_nothing_is_replaced(
    engine: AsyncEngine,
    writer: AsyncEngine,
    transport: AsyncRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Silence of the network, or of a pooler, is told from silence of the writers."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.05)
    relay._notifications.test_every = 0.02
    relay._notifications.patience = PATIENCE
    relay._notifications.retries = Backoff(first=0.01)

    async def hears() -> bool:
        return relay._notifications._heard > 0.0

    async def is_reported() -> bool:
        return any("no notification was heard" in each for each in caplog.messages)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(hears)
        await relay._notifications._driver.execute("UNLISTEN *")
        relay._notifications.patience = 0.2
        await publish(writer, "1")
        await eventually(arrived)
        await eventually(is_reported)
        await eventually(hears)


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
