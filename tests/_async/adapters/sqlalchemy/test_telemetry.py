"""Telemetry of a bus with an outbox, and of its relay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from messagebus import AsyncMessageBus
from messagebus._compat.waits.aio import in_thread
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored
from tests.library import BookRegistered, RegisterBook
from tests.running.aio import AsyncEngine, background, eventually, sqlite_url
from tests.telemetry import Telemetry, id_of, linked_to, parent_of


@pytest.fixture
def database_url(tmp_path: Path, sqlite_file_with_tables: Path) -> str:
    """Return the URL of a database with empty tables; the engine makes no difference here."""
    return sqlite_url(shutil.copy(sqlite_file_with_tables, tmp_path / "messages.db"))


@pytest.fixture
def telemetry() -> Telemetry:
    """Return providers that keep what they are given."""
    return Telemetry()


async def register(bus: AsyncMessageBus[Any], uow: AsyncShelves) -> RegisterBook:
    """Handle a command, which raises an event that is published."""
    command = RegisterBook(id="1", title="Emma")
    async with uow as transaction:
        await bus.handle(command, transaction)
        await transaction.commit()
    return command


async def test_a_span_tells_of_the_handling_of_each_listener_and_of_what_is_published(
    bus: AsyncMessageBus[Any], uow: AsyncShelves, engine: AsyncEngine, telemetry: Telemetry
) -> None:
    """All of them have the identifiers of the message, its cause and its cascade."""
    telemetry.instrument(bus)
    command = await register(bus, uow)

    handle, create = (
        telemetry.span("handle register_book"),
        telemetry.span("create book_registered"),
    )
    listeners = [each for each in telemetry.spans if each.name.startswith("listen ")]
    assert [None, *[id_of(handle)] * (len(listeners) + 1)] == [
        parent_of(each) for each in (handle, create, *listeners)
    ]
    assert (SpanKind.INTERNAL, SpanKind.PRODUCER) == (handle.kind, create.kind)
    assert ["listen register", "listen count"] == [each.name for each in listeners]
    [event] = [each for each in await stored(engine) if each.published]
    assert {
        "messaging.system": "messagebus",
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
        "messaging.message.id": str(event.message_id),
        "messaging.message.conversation_id": str(command.message_id),
        "messagebus.message.causation_id": str(command.message_id),
        "messagebus.message.name": "book_registered",
        "messagebus.message.version": 1,
    } == dict(create.attributes or {})
    assert str(command.message_id) == (handle.attributes or {})["messaging.message.id"]
    assert {"register_book": 1} == telemetry.metric(
        "messagebus.handle.duration", "messagebus.message.name"
    )


async def test_the_error_of_a_listener_is_recorded(
    bus: AsyncMessageBus[Any], uow: AsyncShelves, telemetry: Telemetry
) -> None:
    """The spans of the listener and of the whole cascade have failed."""

    async def fail(event: BookRegistered, uow: AsyncShelves) -> None:
        text = "no shelf is free"
        raise LookupError(text)

    bus.add_listener(BookRegistered, fail)
    telemetry.instrument(bus)
    with pytest.raises(LookupError):
        await register(bus, uow)

    for name in ("listen fail", "handle register_book"):
        span = telemetry.span(name)
        assert StatusCode.ERROR is span.status.status_code
        assert "LookupError" == (span.attributes or {})["error.type"]
        assert ["exception"] == [each.name for each in span.events]
    assert {"LookupError": 1} == telemetry.metric("messagebus.handle.duration", "error.type")


async def test_the_span_of_a_batch_is_linked_to_what_published_its_messages(
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    engine: AsyncEngine,
    transport: AsyncRecorder,
    telemetry: Telemetry,
) -> None:
    """The messages carry the context in which they were published, not that of the batch."""
    relay = AsyncOutboxRelay(engine, transport)
    telemetry.instrument(bus, relay)
    await register(bus, uow)
    await relay.drain()

    create, send = telemetry.span("create book_registered"), telemetry.span("send")
    assert (None, [id_of(create)], SpanKind.CLIENT) == (
        parent_of(send),
        linked_to(send),
        send.kind,
    )
    assert ("memory", 1) == (
        (send.attributes or {})["messaging.system"],
        (send.attributes or {})["messaging.batch.message_count"],
    )
    assert f"{id_of(create):016x}" == transport.sent[0]["traceparent"].split("-")[2]
    assert {"memory": 1} == telemetry.metric("messaging.client.sent.messages", "messaging.system")


async def test_the_span_of_a_batch_of_one_message_can_be_part_of_its_trace(
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    engine: AsyncEngine,
    transport: AsyncRecorder,
    telemetry: Telemetry,
) -> None:
    """That is an option, for one trace that shows everything."""
    relay = AsyncOutboxRelay(engine, transport)
    telemetry.instrument(bus, relay, tracing="parent")
    await register(bus, uow)
    await relay.drain()

    create, send = telemetry.span("create book_registered"), telemetry.span("send")
    assert (id_of(create), []) == (parent_of(send), linked_to(send))


async def test_messages_that_were_stored_without_a_context_get_that_of_their_batch(
    engine: AsyncEngine, transport: AsyncRecorder, telemetry: Telemetry
) -> None:
    """An outbox may hold messages from before telemetry, or of a bus without it."""
    relay = AsyncOutboxRelay(engine, transport)
    telemetry.instrument(relay)
    await publish(engine, "1", "2")
    await relay.drain()

    send = telemetry.span("send")
    assert ([], SpanKind.PRODUCER) == (linked_to(send), send.kind)
    assert {f"{id_of(send):016x}"} == {each["traceparent"].split("-")[2] for each in transport.sent}


async def test_what_a_batch_has_sent_is_counted_though_a_message_failed(
    engine: AsyncEngine, transport: AsyncRecorder, telemetry: Telemetry
) -> None:
    """The failure is counted beside it, with its type."""
    relay = AsyncOutboxRelay(engine, transport, max_attempts=1)
    telemetry.instrument(relay)
    await publish(engine, "1", "2", "3")
    bad = [each.message_id for each in await stored(engine)][1]
    transport.poison[str(bad)] = ValueError("not this one")
    await relay.drain()

    sent = telemetry.metric("messaging.client.sent.messages", "error.type")
    assert {None: 2, "ValueError": 1} == sent


async def test_the_backlog_and_the_state_of_a_relay_are_metrics(
    engine: AsyncEngine, transport: AsyncRecorder, telemetry: Telemetry
) -> None:
    """They are read when metrics are collected, by another thread."""
    relay = AsyncOutboxRelay(engine, transport)
    telemetry.instrument(relay)
    transport.down = True
    await publish(engine, "1", "2")

    async def sees_an_outage() -> bool:
        outages = await collect(telemetry, "messagebus.relay.outages")
        return bool(outages.get(None))

    async with background(relay.run, relay.stop):
        await eventually(sees_an_outage)
        backlog = await collect(telemetry, "messagebus.outbox.messages", "state")
        assert {"pending": 2, "parked": 0} == backlog
        assert (await collect(telemetry, "messagebus.outbox.oldest.age"))[None] > 0
        assert {None: 1} == await collect(telemetry, "messagebus.relay.leading")
        assert {None: 0} == await collect(telemetry, "messagebus.relay.sent")


async def collect(telemetry: Telemetry, name: str, key: str | None = None) -> Any:
    """Collect a metric in another thread, as exporters do."""
    return await in_thread(telemetry.metric, name, key)
