"""From the commit of an event to whoever reads the stream, while nothing else is done."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from messagebus import AsyncMessageBus
from messagebus.adapters.factory import async_transport_from_url
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, AsyncSQLAlchemyUnitOfWork, tables
from tests.running.aio import PATIENCE, background, eventually, new_engine, pause

from ..databases import POSTGRES, database, redis
from ..measuring import at_the_end
from ..messages import Registered

NEVER = 3_600.0  # seconds
REST = 0.02  # seconds between the events, besides the time that the relay needs to fall asleep
WARMING = 5  # events that are not counted


async def from_redis() -> Callable[[], Any]:
    """Return what waits for the next entry of the stream that the relay sends to."""
    # The form of the answer differs between the protocols of Redis.
    client: Any = AsyncRedis.from_url(redis(), protocol=2)
    at_the_end(client.aclose)
    position = {"events": "0"}

    async def read() -> None:
        [(_, entries)] = await client.xread(position, block=round(PATIENCE * 1e3))
        [(position["events"], _)] = entries

    return read


async def milliseconds(new_reader: Callable[[], Any], url: str, count: int) -> list[float]:
    """Commit events one by one, each when the relay sleeps; return how long each takes.

    The poller of the relay does not help: it sleeps for an hour.

    Args:
        new_reader: gives what waits for the next event in the stream.
        url: where the relay sends to.
        count: how many events.
    """
    postgres = database(POSTGRES)
    engine, of_the_relay = new_engine(postgres), new_engine(postgres)
    transport: Any = async_transport_from_url(url)
    for close in (engine.dispose, of_the_relay.dispose, transport.close):
        at_the_end(close)
    relay = AsyncOutboxRelay(of_the_relay, transport, poll_interval=NEVER, lease=NEVER)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    read = await new_reader()
    taken = []

    async def sleeps() -> bool:
        async with engine.connect() as connection:
            return bool(await connection.scalar(sa.select(tables.lease.c.listening)))

    async with background(relay.run, relay.stop):
        for number in range(WARMING + count):
            await eventually(sleeps)
            await pause(REST)
            async with AsyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
                await bus.handle(Registered(id=str(number), title="A title"), transaction)
                await transaction.commit()
                committed = perf_counter()
            await read()
            taken.append((perf_counter() - committed) * 1e3)
    return taken[WARMING:]
