"""Applying the events of a Redis stream to a database, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from messagebus import AsyncMessageBus
from messagebus.adapters.factory import async_source_from_url
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.adapters.sqlalchemy import tables
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions
from tests.running.aio import AsyncEngine, AsyncSession

from ..databases import books, redis
from ..measuring import Prepared, at_the_end
from ..messages import Book, Registered
from ..streams import STREAM, clear, fill
from .transactions import INSERT_BOOK, AsyncShelves, new_database_engine

GROUP = "bench"
FETCHED = 100  # messages


def by_hand(kind: str, batch: int, count: int) -> Prepared:
    """Read, mark and insert with the client and a session; settle what was read together."""
    engine = new_database_engine(kind)
    client: Any = AsyncRedis.from_url(redis(), decode_responses=True, protocol=2)
    at_the_end(client.aclose)
    insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    inbox = tables.inbox
    mark = insert(inbox).on_conflict_do_nothing().returning(inbox.c.message_id)

    async def apply(entries: Sequence[Any]) -> None:
        events = {UUID(fields["id"]): _read(fields) for _, fields in entries}
        marks = [
            {"consumer": GROUP, "message_id": id, "received_at": sa.func.current_timestamp()}
            for id in sorted(events)
        ]
        async with AsyncSession(engine, expire_on_commit=False) as session:
            for id in (await session.scalars(mark.values(marks))).all():
                event = events[id]
                await session.execute(INSERT_BOOK, {"id": event.id, "title": event.title})
            await session.commit()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            done = 0
            while done < count:
                [(_, entries)] = await client.xreadgroup(
                    GROUP, "one", {STREAM: ">"}, count=FETCHED, block=1_000
                )
                for start in range(0, len(entries), batch):
                    await apply(entries[start : start + batch])
                await client.xack(STREAM, GROUP, *(id for id, _ in entries))
                done += len(entries)

    return _filled(engine, count), run


def _read(fields: dict[str, str]) -> Registered:
    return Registered.model_validate_json(fields["payload"])


def by_the_consumer(kind: str, batch: int, count: int) -> Prepared:
    """Let a consumer do it."""
    engine = new_database_engine(kind)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    left = count
    consumers: list[AsyncInboxConsumer] = []

    async def store(event: Registered, uow: Any) -> None:
        nonlocal left
        await uow.books.add(Book(id=event.id), event.title)
        left -= 1
        if left == 0:
            consumers[-1].stop()

    bus.add_listener(Registered, store)

    async def run(times: Iterable[None]) -> None:
        nonlocal left
        for _ in times:
            left = count
            source = async_source_from_url(f"{redis()}?stream={STREAM}&ordered=false", GROUP)
            options = ConsumerOptions(transaction_batch=batch, prefetch=2 * FETCHED)
            consumers.append(
                AsyncInboxConsumer(
                    GROUP, source, bus, lambda: AsyncShelves(engine), options=options
                )
            )
            await consumers[-1].run()

    return _filled(engine, count), run


def _filled(engine: AsyncEngine, count: int) -> Callable[[], object]:
    plain = sa.create_engine(engine.url.set(drivername=_PLAIN[engine.dialect.name]))
    at_the_end(plain.dispose)

    def refill() -> None:
        with plain.begin() as connection:
            for table in (books, tables.inbox):
                connection.execute(sa.delete(table))
        clear()
        fill([Registered(id=str(uuid4()), title="A title") for _ in range(count)], GROUP)

    return refill


_PLAIN = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
