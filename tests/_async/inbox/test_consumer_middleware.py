"""Middleware of a consumer: around receiving, processing and settling."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from messagebus import AsyncMessageBus, ConfigurationError
from messagebus.inbox import AsyncProcessCall, AsyncReceiveCall, AsyncSettleCall
from messagebus.typing import AsyncMiddleware, AsyncNext
from tests._async.inbox.conftest import NewConsumer
from tests._async.inbox.fakes import AsyncPile, Store, delivered
from tests.library import BookRegistered


def noting(name: str, notes: list[str]) -> AsyncMiddleware[Any]:
    """Return middleware that notes what passes through it."""

    async def middleware(call: Any, call_next: AsyncNext[Any]) -> Any:
        notes.append(f"{name} begins")
        try:
            return await call_next(call)
        except Exception as error:
            notes.append(f"{name}: {error}")
            raise
        finally:
            notes.append(f"{name} ends")

    return middleware


async def test_processing_passes_through_middleware_with_its_commit(
    store: Store, new_consumer: NewConsumer
) -> None:
    """It sees the message as it came, and its commit when it ends."""
    [delivery] = source = [delivered(BookRegistered(id="1"))]
    consumer = new_consumer(AsyncPile(*source), "billing")
    seen: list[Any] = []

    async def middleware(call: AsyncProcessCall, call_next: AsyncNext[AsyncProcessCall]) -> None:
        seen.extend((call.consumer, [*call.deliveries], [*call.messages], list(store.effects)))
        await call_next(call)
        seen.append(list(store.effects))

    consumer.add_middleware(middleware)
    await consumer.drain()
    assert ["billing", [delivery], [BookRegistered(id="1")], [], ["1"]] == seen


async def test_middleware_sees_why_handling_has_failed(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer, store: Store
) -> None:
    """The message is tried again as without middleware."""
    failures = [ValueError("not today")]

    async def fail(event: BookRegistered, uow: Any) -> None:
        if failures:
            raise failures.pop()

    bus.add_listener(BookRegistered, fail)
    notes: list[str] = []
    consumer = new_consumer(AsyncPile(delivered(BookRegistered(id="1"))))
    consumer.add_middleware(noting("outer", notes))
    consumer.add_middleware(noting("inner", notes))
    assert 1 == await consumer.drain()
    first = ["outer begins", "inner begins", "inner: not today", "inner ends"]
    assert [*first, "outer: not today", "outer ends"] == notes[:6]
    assert (["1"], 1) == (store.effects, consumer.status().retried)


async def test_the_calls_of_a_source_pass_through_middleware(new_consumer: NewConsumer) -> None:
    """Receiving gives the deliveries, and settling what is done."""
    delivery = delivered(BookRegistered(id="1"))
    consumer = new_consumer(AsyncPile(delivery), "billing")
    seen: list[Any] = []

    async def receive(call: AsyncReceiveCall, call_next: AsyncNext[AsyncReceiveCall]) -> Any:
        received = await call_next(call)
        if received:
            seen.append((call.consumer, call.source is consumer.source, [*received]))
        return received

    async def settle(call: AsyncSettleCall, call_next: AsyncNext[AsyncSettleCall]) -> None:
        await call_next(call)
        seen.append((call.consumer, call.source is consumer.source, [*call.deliveries]))

    consumer.add_middleware(receive, around="receive")
    consumer.add_middleware(settle, around="settle")
    await consumer.drain()
    assert [("billing", True, [delivery])] * 2 == seen


async def test_a_message_that_middleware_does_not_pass_on_is_not_settled_as_handled(
    new_consumer: NewConsumer, store: Store
) -> None:
    """It has failed, and ends as a dead letter that says so."""
    consumer = new_consumer(AsyncPile(delivered(BookRegistered(id="1"))), max_attempts=1)

    async def swallow(call: AsyncProcessCall, call_next: AsyncNext[AsyncProcessCall]) -> None:
        """Do nothing."""

    consumer.add_middleware(swallow)
    await consumer.drain()
    assert [] == store.effects
    [letter] = store.letters
    assert "Middleware has not passed on 1 message(s)" in letter.error


async def test_a_failure_that_middleware_keeps_back_is_not_settled_as_handled(
    new_consumer: NewConsumer, bus: AsyncMessageBus[Any], store: Store
) -> None:
    """Its transaction is rolled back, so the message has failed all the same."""

    async def fail(event: BookRegistered, uow: Any) -> None:
        text = "no room"
        raise ValueError(text)

    async def keep_back(call: AsyncProcessCall, call_next: AsyncNext[AsyncProcessCall]) -> None:
        with suppress(ValueError):
            await call_next(call)

    bus.add_listener(BookRegistered, fail)
    consumer = new_consumer(AsyncPile(delivered(BookRegistered(id="1"))), max_attempts=1)
    consumer.add_middleware(keep_back)
    await consumer.drain()
    assert [] == store.effects
    [letter] = store.letters
    assert "Middleware has not passed on 1 message(s)" in letter.error


async def test_only_calls_of_a_consumer_can_be_wrapped(new_consumer: NewConsumer) -> None:
    """The error names them."""
    around: Any = "commit"
    with pytest.raises(ConfigurationError, match="'process', 'receive' or 'settle'"):
        new_consumer(AsyncPile()).add_middleware(noting("it", []), around=around)
