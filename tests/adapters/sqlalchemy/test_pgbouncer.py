"""A pooler in transaction mode: each transaction has another connection of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from messagebus.adapters.memory import AsyncMemoryTransport, SyncMemoryTransport
from messagebus.adapters.sqlalchemy import (
    AsyncOutboxRelay,
    SyncOutboxRelay,
    async_create_tables,
    sync_create_tables,
)
from messagebus.adapters.sqlalchemy.errors import POOLER_ADVICE, Meaning, add_advice, meaning_of
from tests.library import BookBorrowed
from tests.running.blocking import PATIENCE, eventually
from tests.servers import PgBouncer

from .test_drivers import ids, publish, publish_async, running

WRITERS, TRANSACTIONS = 6, 10
ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "psycopg": lambda: {"prepare_threshold": None},
    "psycopg2": dict,
    "asyncpg": lambda: {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__{uuid4()}__",
    },
}
"""The arguments of the page."""


@pytest.fixture
def pooler(postgres_url: str) -> Iterator[PgBouncer]:
    """Yield a pooler with fewer connections than there are writers."""
    with PgBouncer(postgres_url) as pooler:
        yield pooler


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_writers_and_a_relay_work_through_a_pooler(pooler: PgBouncer, driver: str) -> None:
    """Everything that is committed is sent once."""
    url = pooler.url.replace("+psycopg", f"+{driver}")
    engine = sa.create_engine(url, connect_args=ARGUMENTS[driver](), pool_size=WRITERS + 2)
    sync_create_tables(engine)
    transport = SyncMemoryTransport()
    with (
        running(SyncOutboxRelay(engine, transport, poll_interval=0.05)),
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        written = [pool.submit(publish, engine) for _ in range(WRITERS * TRANSACTIONS)]
        committed = [id for each in written for id in each.result()]
        eventually(lambda: len(transport.sent) >= len(committed))
    engine.dispose()
    assert sorted(committed) == sorted(ids(transport))


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_async_writers_and_a_relay_work_through_a_pooler(
    pooler: PgBouncer, driver: str
) -> None:
    """Everything that is committed is sent once."""
    url = pooler.url.replace("+psycopg", f"+{driver}")
    engine = create_async_engine(url, connect_args=ARGUMENTS[driver](), pool_size=WRITERS + 2)
    await async_create_tables(engine)
    transport = AsyncMemoryTransport()
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.05)
    task = asyncio.create_task(relay.run())
    events = [BookBorrowed() for _ in range(WRITERS * TRANSACTIONS)]
    shares = [events[number::WRITERS] for number in range(WRITERS)]

    async def write(share: list[BookBorrowed]) -> None:
        for each in share:
            await publish_async(engine, [each])

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*map(write, shares))
        while len(transport.sent) < len(events):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        relay.stop()
        await task
    await engine.dispose()
    assert sorted(str(each.message_id) for each in events) == sorted(ids(transport))


def test_a_statement_that_the_pooler_lost_is_told_with_what_to_do(postgres_url: str) -> None:
    """It was prepared on a connection that another transaction has now."""
    with PgBouncer(postgres_url, prepares=False) as pooler:
        engine = sa.create_engine(pooler.url, connect_args={"prepare_threshold": 0})
        with engine.connect() as first, engine.connect() as second:
            first.exec_driver_sql("SELECT 1")
            first.commit()
            second.exec_driver_sql("SELECT 2")
            with pytest.raises(DBAPIError) as failure:
                first.exec_driver_sql("SELECT 1")
        engine.dispose()
    add_advice(failure.value)
    assert Meaning.CONFIGURATION is meaning_of(failure.value)
    assert [POOLER_ADVICE] == failure.value.__notes__
