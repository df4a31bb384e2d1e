"""The time from the commit of an event to its arrival in the stream, on an idle system."""

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
REST = 0.02  # seconds between events, on top of the time that the relay needs to go idle
WARMING = 5  # events to send before the first measurement


async def from_redis() -> Callable[[], Any]:
    """Return a function that waits for the next entry of the relay's stream."""
    # The shape of the answer depends on the protocol version of Redis.
    client: Any = AsyncRedis.from_url(redis(), protocol=2)
    at_the_end(client.aclose)
    position = {"events": "0"}

    async def read() -> None:
        [(_, entries)] = await client.xread(position, block=round(PATIENCE * 1e3))
        [(position["events"], _)] = entries

    return read


async def milliseconds(new_reader: Callable[[], Any], url: str, count: int) -> list[float]:
    """Commit events one by one, each to an idle relay; return the latency of each.

    Polling does not help the relay: its interval is an hour.

    Args:
        new_reader: returns a function that waits for the next event in the stream.
        url: the URL of the stream.
        count: the number of events.
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
