"""The trace context of a message: stored in its row, and sent along."""

from __future__ import annotations

from typing import Any

from messagebus import AsyncHandleCall, AsyncMessageBus, Message
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, AsyncSQLAlchemyUnitOfWork
from messagebus.testing.outbox import AsyncRecorder
from messagebus.typing import AsyncNext
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, count, register, stored
from tests.library import BookRegistered, RegisterBook
from tests.running.aio import AsyncEngine

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"
STATE = "rojo=00f067aa0ba902b7"


def traced(**context: str) -> AsyncMessageBus[Any]:
    """Return a bus whose published messages are stored with a trace context."""

    async def trace(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
        def context_of(message: Message[Any]) -> dict[str, str]:
            return context

        call.transaction.trace_context = context_of
        return await call_next(call)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, count)
    bus.add_middleware(trace, around="handle")
    return bus


async def register_one(engine: AsyncEngine, bus: AsyncMessageBus[Any]) -> None:
    """Handle a private command, which raises a published event and a private one."""
    uow: AsyncSQLAlchemyUnitOfWork[Any] = AsyncShelves(engine)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Emma"), transaction)
        await transaction.commit()


async def test_the_context_is_stored_with_what_is_published_and_sent_along(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Private messages have none; one insert stores both kinds."""
    await register_one(engine, traced(traceparent=PARENT, tracestate=STATE))

    found = {each.name: (each.traceparent, each.tracestate) for each in await stored(engine)}
    assert (PARENT, STATE) == found.pop("book_registered")
    assert {(None, None)} == set(found.values())
    await AsyncOutboxRelay(engine, transport).drain()
    [wire] = transport.sent
    assert (PARENT, STATE) == (wire["traceparent"], wire["tracestate"])


async def test_a_context_without_a_state_is_sent_without_one(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Most tracing systems add no state."""
    await register_one(engine, traced(traceparent=PARENT))

    await AsyncOutboxRelay(engine, transport).drain()
    [wire] = transport.sent
    assert PARENT == wire["traceparent"]
    assert "tracestate" not in wire


async def test_without_a_context_the_wire_message_has_no_further_key(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """What brokers hold does not change where nobody traces."""
    await register_one(engine, traced())

    await AsyncOutboxRelay(engine, transport).drain()
    [wire] = transport.sent
    keys = {"id", "created_at", "type", "payload", "causation_id", "correlation_id"}
    assert keys == wire.keys()
