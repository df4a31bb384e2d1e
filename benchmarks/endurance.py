"""A consumer that handles many messages, and the memory of its process meanwhile."""

from __future__ import annotations

import gc
from typing import Any

import sqlalchemy as sa

from messagebus import AsyncMessageBus, MessageSerializer
from messagebus.adapters.factory import async_source_from_url, async_transport_from_url
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork, tables
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions
from tests.running.aio import call_with

from ._async.transactions import new_database_engine
from .databases import SQLITE
from .messages import Registered
from .readings import blocks, resident_bytes
from .streams import GROUP, REDIS, server_of, url_of

SENT_AT_ONCE = 1_000  # messages
STREAM = "endured"


async def samples(count: int, times: int) -> list[tuple[int, float]]:
    """Consume messages from Redis, each marked in an inbox on SQLite.

    Args:
        count: the number of messages of each sample.
        times: the number of samples.

    Returns:
        The allocated blocks and the resident memory in bytes after each *count* messages, without
        garbage.

    Raises:
        RuntimeError: not every message was handled once.
    """
    engine = new_database_engine(SQLITE)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Registered, _ignore)
    consumer = AsyncInboxConsumer(
        GROUP,
        async_source_from_url(url_of(REDIS, STREAM), GROUP),
        bus,
        lambda: AsyncSQLAlchemyUnitOfWork[Any](engine),
        options=ConsumerOptions(transaction_batch=100),
    )
    found = []
    for _ in range(times):
        await _refill(count)
        await consumer.drain()
        gc.collect()
        found.append((blocks(), resident_bytes()))
    async with engine.connect() as connection:
        marked = sa.select(sa.func.count()).select_from(tables.inbox)
        handled = await call_with(connection, lambda each: each.scalar(marked))
    if not handled == consumer.status().handled == count * times:
        text = f"{handled} of {count * times} messages were handled once"
        raise RuntimeError(text)
    return found


async def _ignore(event: Registered, uow: Any) -> None:
    """Do nothing: the memory of the consumer is what counts."""


async def _refill(count: int) -> None:
    """Replace the stream by one of *count* messages, a few at a time."""
    from redis.asyncio import Redis

    client: Any = Redis.from_url(server_of(REDIS))
    transport = async_transport_from_url(url_of(REDIS, STREAM))
    serialize = MessageSerializer().serialize_message
    try:
        await client.flushdb()
        for _ in range(0, count, SENT_AT_ONCE):
            # Pydantic caches some thousand short strings, so different ones would look like growth.
            events = (Registered(id="1", title="A title") for _ in range(SENT_AT_ONCE))
            await transport.send_messages_serialized([serialize(each) for each in events])
    finally:
        await transport.close()
        await client.aclose()
