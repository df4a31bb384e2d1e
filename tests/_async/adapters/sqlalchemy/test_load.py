"""Many writers, some of which roll back, and databases that go away in the meantime."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from messagebus import AsyncMessageBus, Event
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff, async_create_tables
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored, take_positions
from tests.library import BookBorrowed
from tests.running.aio import AsyncEngine, background, eventually, new_engine, pause, together
from tests.servers import PostgresServer

pytestmark = pytest.mark.slow

WRITERS = 12
TRANSACTIONS = 15


class Load:
    """What the writers have done.

    Attributes:
        committed: the identifiers of what was committed, for each writer in its order.
        rolled_back: the identifiers of what was not.
    """

    def __init__(self) -> None:
        self.committed: list[list[str]] = [[] for _ in range(WRITERS)]
        self.rolled_back: list[str] = []

    @property
    def expected(self) -> list[str]:
        """The identifiers of all that was committed."""
        return [id for ids in self.committed for id in ids]


async def write(engine: AsyncEngine, load: Load, writer: int) -> None:
    """Run transactions, some of which are rolled back, and none ends as quickly as it could."""
    chance = random.Random(writer)
    uow = AsyncShelves(engine)
    bus = AsyncMessageBus[Any]()
    for number in range(TRANSACTIONS):
        events: list[Event] = [BookBorrowed(id=f"{writer}.{number}.{part}") for part in range(2)]
        ids = [str(event.message_id) for event in events]
        async with uow as transaction:
            for event in events:
                await bus.handle(event, transaction)
            if engine.dialect.name != "sqlite":
                # The positions are taken now, and the commits come in another order.
                await take_positions(uow)
                await pause(chance.random() * 0.02)
            if chance.random() < 0.1:
                await transaction.rollback()
                load.rolled_back += ids
            else:
                await transaction.commit()
                load.committed[writer] += ids


def writers(engine: AsyncEngine, load: Load) -> list[Callable[[], Any]]:
    """Return a call for each writer."""

    def one(writer: int) -> Callable[[], Any]:
        async def call() -> None:
            await write(engine, load, writer)

        return call

    return [one(writer) for writer in range(WRITERS)]


def ensure_nothing_is_amiss(load: Load, transport: AsyncRecorder) -> None:
    """Check what every receiver may rely on."""
    arrived = list(dict.fromkeys(transport.ids))
    assert set(load.expected) == set(arrived)
    for ids in load.committed:
        mine = set(ids)
        assert ids == [id for id in arrived if id in mine]


async def test_writers_that_commit_in_reverse_order_lose_nothing_and_keep_their_order(
    engine: AsyncEngine, database_url: str, transport: AsyncRecorder
) -> None:
    """Twelve writers, a tenth of whose transactions is rolled back, and two relays."""
    load = Load()
    pool = new_engine(database_url, pool_size=WRITERS, max_overflow=4)
    relays = [AsyncOutboxRelay(pool, transport, poll_interval=0.01, batch_size=7) for _ in range(2)]

    async def arrived() -> bool:
        return len(transport.sent) >= len(load.expected)

    async with (
        background(relays[0].run, relays[0].stop),
        background(relays[1].run, relays[1].stop),
    ):
        await together(*writers(pool, load))
        await eventually(arrived)
    await pool.dispose()

    ensure_nothing_is_amiss(load, transport)
    assert load.rolled_back
    assert sorted(load.expected) == sorted(transport.ids)


async def test_a_relay_whose_connections_are_ended_goes_on(
    postgres_url: str, transport: AsyncRecorder
) -> None:
    """However often the server ends what the relay has open, everything arrives in order."""
    writer = new_engine(postgres_url)
    relaying = new_engine(f"{postgres_url}?application_name=relay")
    await async_create_tables(writer)
    relay = AsyncOutboxRelay(relaying, transport, poll_interval=0.01, batch_size=3)
    ids: list[str] = []

    async def arrived() -> bool:
        return set(ids) <= set(transport.ids)

    async with background(relay.run, relay.stop):
        for number in range(10):
            for event in await publish(writer, *(f"{number}.{part}" for part in range(10))):
                ids.append(str(event.message_id))  # noqa: PERF401
            async with writer.begin() as connection:
                await connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'relay'"
                    )
                )
        await eventually(arrived)

    assert ids == list(dict.fromkeys(transport.ids))
    assert {"sent"} == {record.state for record in await stored(writer)}
    await writer.dispose()
    await relaying.dispose()


async def test_a_database_that_is_restarted_under_load_loses_nothing(
    own_postgres: PostgresServer, transport: AsyncRecorder
) -> None:
    """Whatever was committed before, between and after two restarts arrives, in order."""
    engine = new_engine(own_postgres.url)
    await async_create_tables(engine)
    relay = AsyncOutboxRelay(
        engine, transport, poll_interval=0.01, batch_size=3, reconnect=Backoff(longest=0.1)
    )
    ids: list[str] = []
    doubtful: set[str] = set()
    bus = AsyncMessageBus[Any]()

    async def write(count: int) -> None:
        """Publish messages one by one; try again as long as the database is away."""
        while count:
            event = BookBorrowed()
            try:
                async with AsyncShelves(engine) as transaction:
                    await bus.handle(event, transaction)
                    await transaction.commit()
            except DBAPIError:
                # The commit may have been done, and only its confirmation be lost.
                doubtful.add(str(event.message_id))
                await pause(0.01)
            else:
                ids.append(str(event.message_id))
                count -= 1

    async def write_some() -> None:
        await write(30)

    async def restart() -> None:
        own_postgres.stop()
        own_postgres.start()

    async def arrived() -> bool:
        return set(ids) <= set(transport.ids)

    async with background(relay.run, relay.stop):
        await write(10)
        await together(write_some, restart)
        await together(write_some, restart)
        await eventually(arrived)

    known = set(ids)
    arrivals = list(dict.fromkeys(transport.ids))
    assert ids == [id for id in arrivals if id in known]
    assert set(arrivals) - known <= doubtful
    await engine.dispose()
