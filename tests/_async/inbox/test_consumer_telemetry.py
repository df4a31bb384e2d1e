"""Telemetry of a consumer."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind, StatusCode

from messagebus import AsyncMessageBus
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions, Delivery
from messagebus.retry import Backoff
from tests._async.inbox.conftest import NewConsumer
from tests._async.inbox.fakes import AsyncPile, AsyncStoreWork, Store, away, delivered
from tests.library import BookRegistered
from tests.telemetry import Telemetry, id_of, linked_to, parent_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTEXT = {"traceparent": f"00-{TRACE}-{SPAN}-03", "tracestate": "rojo=00f067aa0ba902b7"}


@pytest.fixture
def telemetry() -> Telemetry:
    """Return providers that keep what they are given."""
    return Telemetry()


def arriving(id: str = "1", **more: Any) -> Delivery:
    """Return a delivery that comes from a stream."""
    return delivered(BookRegistered(id=id), more=more, origin="redis shop 1-0")


async def test_spans_tell_what_is_received_processed_and_settled(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer, telemetry: Telemetry
) -> None:
    """What listeners do is part of the processing."""
    consumer = new_consumer(AsyncPile(delivery := arriving(**CONTEXT)))
    telemetry.instrument(bus, consumer)
    await consumer.drain()

    receive, process = telemetry.span("receive shop"), telemetry.span("process shop")
    settle = telemetry.span("settle shop")
    kinds = [each.kind for each in (receive, process, settle)]
    assert [SpanKind.CLIENT, SpanKind.CONSUMER, SpanKind.CLIENT] == kinds
    assert [int(SPAN, 16)] == linked_to(receive) == linked_to(process)
    assert None is parent_of(process)
    assert id_of(process) == parent_of(telemetry.span("handle book_registered"))
    wire = delivery.wire or {}
    assert {
        "messaging.system": "redis",
        "messaging.destination.name": "shop",
        "messaging.destination.partition.id": "0",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "billing",
        "messaging.message.id": wire["id"],
    } == dict(process.attributes or {})


async def test_processing_can_be_part_of_the_trace_of_the_sender(
    new_consumer: NewConsumer, telemetry: Telemetry
) -> None:
    """That is an option; of several messages in one transaction, it stays a link."""
    consumer = new_consumer(AsyncPile(arriving(**CONTEXT)))
    telemetry.instrument(consumer, tracing="parent")
    await consumer.drain()
    process = telemetry.span("process shop")
    assert (int(SPAN, 16), []) == (parent_of(process), linked_to(process))
    assert int(TRACE, 16) == (process.context.trace_id if process.context else 0)

    other = Telemetry()
    together = new_consumer(
        AsyncPile(*(arriving(id, **CONTEXT) for id in "23")), transaction_batch=2
    )
    other.instrument(together, tracing="parent")
    await together.drain()
    process = other.span("process shop")
    assert (None, [int(SPAN, 16)]) == (parent_of(process), linked_to(process))
    assert 2 == (process.attributes or {})["messaging.batch.message_count"]


async def test_each_attempt_has_a_span_and_its_error(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer, telemetry: Telemetry
) -> None:
    """What becomes of the messages is counted."""

    async def fail(event: BookRegistered, uow: Any) -> None:
        if event.id == "2":
            text = "no such shelf"
            raise LookupError(text)

    bus.add_listener(BookRegistered, fail)
    consumer = new_consumer(AsyncPile(arriving("1"), arriving("2")), max_attempts=2)
    telemetry.instrument(consumer)
    await consumer.drain()

    processed = [each for each in telemetry.spans if each.name == "process shop"]
    statuses = [each.status.status_code for each in processed]
    assert [StatusCode.UNSET, StatusCode.ERROR, StatusCode.ERROR] == statuses
    outcomes = telemetry.metric("messagebus.consumer.messages", "messagebus.outcome")
    expected = {"handled": 1, "retried": 1, "dead_letter": 1, "duplicate": 0, "skipped": 0}
    assert expected == outcomes
    assert {None: 0} == telemetry.metric("messagebus.consumer.held")
    durations = telemetry.metric("messaging.process.duration", "error.type")
    assert {None: 1, "LookupError": 2} == durations
    assert {None: 2} == telemetry.metric("messaging.client.consumed.messages")
    assert {None: 3} == telemetry.metric("messagebus.consumer.lag")


async def test_waiting_for_messages_has_no_span_but_an_outage_has(
    new_consumer: NewConsumer, telemetry: Telemetry
) -> None:
    """A consumer that idles would write one each second."""
    source = AsyncPile()
    consumer = new_consumer(source)
    telemetry.instrument(consumer)
    await consumer.drain()
    assert [] == telemetry.spans

    receive = source.receive

    async def fail(limit: int, wait: float) -> Any:
        source.receive = receive  # type: ignore[method-assign]
        raise away()

    source.receive = fail  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await consumer.drain()
    [span] = telemetry.spans
    assert (StatusCode.ERROR, "the broker is away") == (
        span.status.status_code,
        span.status.description,
    )


HOSTILE = st.one_of(
    st.none(),
    st.text(),
    st.binary(),
    st.integers(),
    st.lists(st.text()),
    st.text("0123456789abcdef-", min_size=50, max_size=60),
    st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*", fullmatch=True),
    st.just("00-" + "1" * 32 + "-" + "2" * 16 + "-01" + "-" * 100_000),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
async def test_no_trace_context_from_outside_hinders_a_consumer(
    traceparent: Any, tracestate: Any, in_headers: Any, state_in_headers: Any
) -> None:
    """Neither one that is invalid, nor one that is no text at all."""
    wire = {"traceparent": traceparent, "tracestate": tracestate}
    headers = {"traceparent": in_headers, "tracestate": state_in_headers}
    delivery = delivered(BookRegistered(id="1"), more=wire, headers=headers)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def hear(event: BookRegistered, uow: Any) -> None:
        """Hear an event."""

    bus.add_listener(BookRegistered, hear)
    options = ConsumerOptions(max_attempts=1, backoff=Backoff(first=0.001))
    consumer = AsyncInboxConsumer(
        "billing", AsyncPile(delivery), bus, partial(AsyncStoreWork, Store()), options=options
    )
    Telemetry().instrument(bus, consumer, tracing="parent")

    assert 1 == await consumer.drain()
