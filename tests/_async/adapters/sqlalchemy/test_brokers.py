"""The way from the database to real brokers that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from messagebus import AsyncAbstractEventstreamTransport
from messagebus.adapters.nats import AsyncNatsTransport
from messagebus.adapters.redis import AsyncRedisTransport
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff
from tests._async.adapters.sqlalchemy.shelves import publish, stored
from tests.adapters.stored import documents, entries
from tests.running.aio import AsyncEngine, background, eventually, together
from tests.servers import NatsServer, RedisServer, Server

ROUNDS = 3
EACH = 20


def to_redis(server: Server) -> AsyncAbstractEventstreamTransport:
    """Create a transport to a Redis stream."""
    return AsyncRedisTransport.from_url(server.url, stream="events", create=True, patience=0.1)


def to_nats(server: Server) -> AsyncAbstractEventstreamTransport:
    """Create a transport to a JetStream stream."""
    url = f"{server.url}?stream=events&subject=events.{{name}}"
    return AsyncNatsTransport.from_url(url, create=True, patience=0.1)


def read_redis(server: Server) -> list[str]:
    """Return the identifiers of the messages in the Redis stream."""
    return [entry["id"] for entry in entries(server.url, "events")]


def read_nats(server: Server) -> list[str]:
    """Return the identifiers of the messages in the JetStream stream."""
    return [document["id"] for document in documents(server.url, "events")]


@pytest.mark.parametrize(
    ("new_server", "new_transport", "read"),
    [
        pytest.param(RedisServer, to_redis, read_redis, id="redis"),
        pytest.param(NatsServer, to_nats, read_nats, id="nats"),
    ],
)
async def test_a_broker_that_is_killed_under_load_gets_everything_in_order(
    engine: AsyncEngine,
    new_server: Callable[[], Any],
    new_transport: Callable[[Server], AsyncAbstractEventstreamTransport],
    read: Callable[[Server], list[str]],
) -> None:
    """Nothing is parked, lost or doubled, and transactions go on while the broker is away."""
    written: list[list[str]] = [[], []]

    def writer(ids: list[str]) -> Callable[[], Any]:
        async def write() -> None:
            for number in range(EACH):
                ids.extend(str(event.message_id) for event in await publish(engine, f"{number}"))

        return write

    one, other = writer(written[0]), writer(written[1])
    with new_server() as server:

        async def restart() -> None:
            server.kill()
            await other()
            server.start()

        async with new_transport(server) as transport:
            relay = AsyncOutboxRelay(
                engine,
                transport,
                poll_interval=0.01,
                batch_size=7,
                max_attempts=1,
                reconnect=Backoff(longest=0.1),
            )

            async def is_sent() -> bool:
                return {record.state for record in await stored(engine)} == {"sent"}

            async with background(relay.run, relay.stop):
                for _ in range(ROUNDS):
                    await together(one, restart)
                await eventually(is_sent)
        arrived = read(server)

    assert 2 * ROUNDS * EACH == len(arrived)
    for ids in written:
        assert ids == [id for id in arrived if id in set(ids)]
