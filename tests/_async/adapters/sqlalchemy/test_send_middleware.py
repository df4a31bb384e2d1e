"""Middleware of a relay: around the sending of each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from messagebus import AsyncSendCall
from messagebus.adapters.sqlalchemy import AsyncOutbox, AsyncOutboxRelay, Backoff
from messagebus.exceptions import TransportUnavailableError
from messagebus.testing.outbox import AsyncRecorder
from messagebus.typing import AsyncNext
from tests._async.adapters.sqlalchemy.shelves import publish
from tests.running.aio import AsyncEngine

AT_ONCE = Backoff(first=0.0)


class Refusing(AsyncRecorder):
    """A transport that sends nothing."""

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Fail."""
        text = "not now"
        raise TransportUnavailableError(text)


async def test_middleware_wraps_each_batch_in_the_order_it_was_added(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """It sees the messages and the transport, and runs before and after the sending."""
    notes: list[Any] = []

    def noting(name: str) -> Any:
        async def note(call: AsyncSendCall, call_next: AsyncNext[AsyncSendCall]) -> None:
            notes.append((name, [each["type"] for each in call.messages], call.transport))
            await call_next(call)
            notes.append((name, len(transport.sent)))

        return note

    await publish(engine, "1", "2", "3")
    relay = AsyncOutboxRelay(engine, transport, batch_size=2)
    relay.add_middleware(noting("outer"))
    relay.add_middleware(noting("inner"))

    assert 3 == await relay.drain()

    two, one = ["book_borrowed_v2"] * 2, ["book_borrowed_v2"]
    assert [
        *[("outer", two, transport), ("inner", two, transport), ("inner", 2), ("outer", 2)],
        *[("outer", one, transport), ("inner", one, transport), ("inner", 3), ("outer", 3)],
    ] == notes


@pytest.mark.parametrize("passes_on", [False, True])
async def test_an_error_of_middleware_is_a_failed_attempt(
    engine: AsyncEngine, transport: AsyncRecorder, passes_on: bool
) -> None:
    """The batch is sent again, as after any error of the transport."""
    failures = [TransportUnavailableError("not now")]

    async def fail(call: AsyncSendCall, call_next: AsyncNext[AsyncSendCall]) -> None:
        if passes_on:
            await call_next(call)
        if failures:
            raise failures.pop()
        if not passes_on:
            await call_next(call)

    await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, transport, backoff=AT_ONCE)
    relay.add_middleware(fail)

    with pytest.raises(TransportUnavailableError):
        await relay.drain()
    assert 1 == await relay.drain()

    assert (2 if passes_on else 1) == len(transport.ids)


@pytest.mark.parametrize("passes_on", [False, True])
async def test_a_batch_that_middleware_leaves_unsent_is_not_lost(
    engine: AsyncEngine, passes_on: bool
) -> None:
    """It stays in the outbox, and the reason says whose fault that is."""
    transport = Refusing()

    async def drop(call: AsyncSendCall, call_next: AsyncNext[AsyncSendCall]) -> None:
        """Forget to pass it on, or keep the error of the transport back."""
        with suppress(TransportUnavailableError):
            if passes_on:
                await call_next(call)

    await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, transport, backoff=AT_ONCE, max_attempts=2)
    relay.add_middleware(drop)

    await relay.drain()

    [parked] = await AsyncOutbox(engine).list("parked")
    assert "Middleware has let a batch of 1 message(s) go unsent" in (parked.reason or "")
    assert [] == transport.sent
