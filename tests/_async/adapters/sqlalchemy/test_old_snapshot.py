"""A leader passes no dead rows, and misses nothing that commits late."""

from __future__ import annotations

from typing import Any

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, async_create_tables
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, take_positions
from tests.library import BookBorrowed
from tests.running.aio import new_engine


async def test_a_leader_looks_behind_what_is_settled_alone(
    postgres_url: str, transport: AsyncRecorder
) -> None:
    """While a transaction that has a position runs, the leader does not look behind it."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    late = BookBorrowed(id="late")
    relay = AsyncOutboxRelay(engine, transport, batch_size=2)
    floors: list[int] = []
    learn = relay._batches._behind.learn

    def noting(rows: Any) -> None:
        learn(rows)
        floors.append(relay._batches._behind._floor)

    relay._batches._behind.learn = noting  # type: ignore[method-assign]
    async with (uow := AsyncShelves(engine)) as first:
        await AsyncMessageBus[Any]().handle(late, first)
        await take_positions(uow)
        await publish(engine, *map(str, range(8)))
        assert 8 == await relay.drain()
        assert {0} == set(floors)
        await first.commit()
    events = await publish(engine, *map(str, range(8)))
    floors.clear()

    assert 9 == await relay.drain()
    assert [str(late.message_id), *(str(each.message_id) for each in events)] == transport.ids[8:]
    assert max(floors) > 9
    await engine.dispose()
