"""Making two calls at once, where the colour can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus._compat.waits import aio, blocking
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions, Delivery
from tests._async.inbox.fakes import AsyncPile, AsyncStoreWork, Store, delivered
from tests.library import BookRegistered


async def test_two_async_calls_wait_at_the_same_time() -> None:
    """Each of them can wait for the other one."""
    one, two = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        one.set()
        await two.wait()

    async def second() -> None:
        await one.wait()
        two.set()

    await asyncio.wait_for(aio.meanwhile(first, second), 30.0)


async def test_the_error_of_an_async_call_waits_for_the_other_call() -> None:
    """Of two errors, that of the first call is raised."""
    ended: list[str] = []

    async def first() -> None:
        await asyncio.sleep(0)
        raise KeyError

    async def second() -> None:
        await asyncio.sleep(0.01)
        ended.append("second")
        text = "second"
        raise ValueError(text)

    with pytest.raises(KeyError):
        await aio.meanwhile(first, second)
    with pytest.raises(ValueError, match="second"):
        await aio.meanwhile(second, first)
    assert ["second", "second"] == ended


async def test_both_async_calls_are_cancelled_together() -> None:
    """Neither of them goes on alone."""
    cancelled: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(name)

    task = asyncio.create_task(aio.meanwhile(lambda: forever("one"), lambda: forever("two")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["one", "two"] == sorted(cancelled)


def test_two_sync_calls_are_made_in_one_thread() -> None:
    """The call that may take long comes last."""
    calls: list[str] = []
    blocking.meanwhile(lambda: calls.append("long"), lambda: calls.append("short"))
    assert ["short", "long"] == calls


class Patient(AsyncPile):
    """A source that settles messages only when the last one that it has delivered is handled."""

    def __init__(self, *deliveries: Delivery) -> None:
        super().__init__(*deliveries)
        self.is_empty = asyncio.Event()

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle messages."""
        await asyncio.wait_for(self.is_empty.wait(), 30.0)
        await super().settle(deliveries)


async def test_what_is_done_is_settled_while_what_follows_is_handled() -> None:
    """A consumer with one worker does not wait for its broker either."""
    store, bus = Store(), AsyncMessageBus[Any]()
    source = Patient(*(delivered(BookRegistered(id=str(n))) for n in range(150)))

    async def handle(event: BookRegistered, uow: Any) -> None:
        uow.effects.append(event.id)
        if event.id == "149":
            source.is_empty.set()

    bus.add_listener(BookRegistered, handle)
    options = ConsumerOptions(prefetch=150)
    consumer = AsyncInboxConsumer(
        "billing", source, bus, lambda: AsyncStoreWork(store), options=options
    )
    assert 150 == await consumer.drain()
    assert 150 == len(store.effects)
