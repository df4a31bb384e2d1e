"""Applying the events of a stream to a database, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from messagebus import AsyncMessageBus
from messagebus.adapters.factory import async_source_from_url
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.adapters.sqlalchemy import tables
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions
from tests.running.aio import AsyncEngine, AsyncSession

from ..measuring import Watched, at_the_end
from ..messages import Registered
from ..streams import FETCHED, GROUP, Stream
from .transactions import INSERT_BOOK, AsyncShelves, new_database_engine


class AsyncApplying:
    """Marks events in the inbox and applies them, in one transaction of a session.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        inbox = tables.inbox
        self._engine = engine
        self._mark = (
            insert(inbox)
            .values(consumer=GROUP, received_at=sa.func.current_timestamp())
            .on_conflict_do_nothing()
            .returning(inbox.c.message_id)
        )

    async def apply(self, messages: Iterable[Mapping[str, str]]) -> None:
        """Apply events as they come from a broker."""
        events = {
            UUID(each["id"]): Registered.model_validate_json(each["payload"]) for each in messages
        }
        marks = [{"message_id": id} for id in sorted(events)]
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            for id in (await session.scalars(self._mark, marks)).all():
                event = events[id]
                await session.execute(INSERT_BOOK, {"id": event.id, "title": event.title})
            await session.commit()


class AsyncRedisReader:
    """Reads a stream of Redis with its client alone.

    Args:
        server: the URL of the server.
    """

    def __init__(self, server: str) -> None:
        self._client: Any = AsyncRedis.from_url(server, decode_responses=True, protocol=2)
        at_the_end(self._client.aclose)
        self._stream = ""

    async def open(self, stream: str) -> None:
        """Begin to read a stream."""
        self._stream = stream
        await self._client.xgroup_create(stream, GROUP, id="0")

    async def read(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return messages, each with what settles it."""
        reply = await self._client.xreadgroup(
            GROUP, "one", {self._stream: ">"}, count=FETCHED, block=1_000
        )
        entries: Sequence[tuple[str, Mapping[str, str]]] = reply[0][1]
        return entries

    async def settle(self, receipts: Sequence[str]) -> None:
        """Settle messages."""
        await self._client.xack(self._stream, GROUP, *receipts)


def by_hand(
    new_reader: Callable[[str], Any], broker: str, kind: str, batch: int, count: int
) -> Watched:
    """Read, mark and insert with the client and a session; settle what was read together."""
    engine = new_database_engine(kind)
    applying, stream = AsyncApplying(engine), Stream(broker, engine.url, count)
    reader = new_reader(stream.server)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await reader.open(stream.name)
            is_done = False
            while not is_done:
                found = await reader.read()
                for start in range(0, len(found), batch):
                    messages = [fields for _, fields in found[start : start + batch]]
                    await applying.apply(messages)
                    is_done = stream.note(len(messages))
                await reader.settle([receipt for receipt, _ in found])

    return stream.refill, run, stream.duration


class AsyncCountedShelves(AsyncShelves):
    """A unit of work that tells how many books each transaction has stored.

    Args:
        engine: the engine.
        committed: called with their number after the commit.
    """

    def __init__(self, engine: AsyncEngine, committed: Callable[[int], None]) -> None:
        super().__init__(engine)
        self._committed = committed

    async def commit(self) -> None:
        """Commit the transaction."""
        await super().commit()
        if self.books.added:  # the consumer has transactions of its own
            self._committed(self.books.added)


def by_the_consumer(broker: str, kind: str, batch: int, count: int) -> Watched:
    """Let a consumer do it, with the defaults besides the size of its transactions."""
    engine = new_database_engine(kind)
    stream = Stream(broker, engine.url, count)
    consumers: list[AsyncInboxConsumer] = []

    def committed(applied: int) -> None:
        if stream.note(applied):
            consumers.pop().stop()

    async def store(event: Registered, uow: Any) -> None:
        # What the others do, without a model.
        books = uow.books
        await books.session.execute(INSERT_BOOK, {"id": event.id, "title": event.title})
        books.added += 1

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Registered, store)
    options = ConsumerOptions(transaction_batch=batch)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            source = async_source_from_url(stream.url, stream.name)
            consumer = AsyncInboxConsumer(
                GROUP, source, bus, lambda: AsyncCountedShelves(engine, committed), options=options
            )
            consumers.append(consumer)
            await consumer.run()

    return stream.refill, run, stream.duration
