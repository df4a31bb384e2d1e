"""Sending the content of an outbox on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from messagebus.adapters.factory import async_transport_from_url
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay
from tests.running.aio import new_engine

from .._compat.aio import AsyncPostgres
from ..databases import POSTGRES, database, plain_engine, redis
from ..measuring import Prepared, at_the_end
from ..outbox import CLAIM, MARK, content, refill


def by_hand(new_sender: Callable[[], Any], batch: int, count: int) -> Prepared:
    """Claim, send and mark batches, each in a transaction, until nothing is left."""
    url = database(POSTGRES)
    send = new_sender()
    opened: list[AsyncPostgres[Any]] = []

    async def run(times: Iterable[None]) -> None:
        if not opened:
            opened.append(await AsyncPostgres.connect(url.replace("+psycopg", "")))
            at_the_end(opened[0].close)
        connection = opened[0]
        for _ in times:
            left = True
            while left:
                async with connection.transaction():
                    cursor = await connection.execute(CLAIM, (batch,))
                    rows = await cursor.fetchall()
                    left = bool(rows)
                    if left:
                        await send(rows)
                        await connection.execute(MARK, ([row[0] for row in rows],))

    return _filled(url, count), run


def to_redis() -> Any:
    """Return a function that sends rows to Redis in one pipeline."""
    client: Any = AsyncRedis.from_url(redis())
    at_the_end(client.aclose)

    async def send(rows: list[Any]) -> None:
        pipeline = client.pipeline(transaction=False)
        for row in rows:
            pipeline.xadd("by_hand", content(row))
        await pipeline.execute()

    return send


def by_the_relay(new_url: Callable[[], str], batch: int | None, count: int) -> Prepared:
    """Drain the outbox with the relay; its batches have the default size if *batch* is None."""
    url = database(POSTGRES)
    engine = new_engine(url)
    transport: Any = async_transport_from_url(new_url())
    at_the_end(engine.dispose)
    at_the_end(transport.close)
    relay = (
        AsyncOutboxRelay(engine, transport)
        if batch is None
        else AsyncOutboxRelay(engine, transport, batch_size=batch)
    )

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            sent = await relay.drain()
            if sent != count:
                text = f"{sent} of {count} messages were sent"
                raise RuntimeError(text)

    return _filled(url, count), run


def _filled(url: str, count: int) -> Any:
    engine = plain_engine(url)
    return lambda: refill(engine, count)
