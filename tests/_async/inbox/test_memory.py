"""Memory: a consumer keeps nothing of the messages that it has settled."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.inbox import AsyncInboxConsumer
from tests._async.inbox.conftest import NewConsumer
from tests._async.inbox.fakes import AsyncPile, Store, delivered
from tests.library import BookRegistered, ShelfCounted

CHUNK = 100


async def consume(consumer: AsyncInboxConsumer, source: AsyncPile, store: Store) -> None:
    """Consume some messages, and clear what the fakes remember of them."""
    for number in range(CHUNK):
        delivery = delivered(BookRegistered(id=f"{number}"), redelivered=None)
        source.waiting.append(delivery)
        if number % 10 == 0:
            source.waiting.append(delivery)
            source.waiting.append(delivered(ShelfCounted(), more={"type": "unheard_v1"}))
    await consumer.drain()
    for kept in (source.settled, source.limits, store.marks, store.letters, store.effects):
        kept.clear()


def count_objects() -> int:
    """Return the number of objects of this package that are alive."""
    gc.collect()
    kinds = (type(each).__module__ for each in gc.get_objects())
    return sum(isinstance(each, str) and each.startswith("messagebus.") for each in kinds)


@pytest.mark.slow
async def test_a_consumer_holds_no_more_after_many_messages(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Handled, repeated, tried again, buried and skipped ones are all forgotten."""
    failed: set[str] = set()

    async def fail(event: BookRegistered, uow: Any) -> None:
        if event.id.endswith("9") or (event.id.endswith("8") and event.id not in failed):
            failed.add(event.id)
            text = "not today"
            raise ValueError(text)

    bus.add_listener(BookRegistered, fail)
    source = AsyncPile()
    consumer = new_consumer(source, max_attempts=2)

    for _ in range(200 // CHUNK):
        await consume(consumer, source, store)
    before = count_objects()
    for _ in range(1_800 // CHUNK):
        failed.clear()
        await consume(consumer, source, store)

    assert before >= count_objects()
    assert (0, {}) == (consumer.status().held, store.attempts)
    status = consumer.status()
    assert (1_800, 200, 200) == (status.handled, status.buried, status.skipped)
