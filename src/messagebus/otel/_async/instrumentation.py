"""The middleware that tells of what a bus, a relay, a consumer and a publisher do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from ...inbox import (
    AsyncInboxConsumer,
    AsyncProcessCall,
    AsyncReceiveCall,
    AsyncSettleCall,
    Delivery,
)
from ...service._async.eventstream import (
    AsyncAbstractEventstreamTransport,
    AsyncEventstreamPublisher,
)
from ...service._async.middleware import AsyncHandleCall, AsyncListenerCall, AsyncSendCall
from ...service._async.registry import AsyncMessageBus
from ...typing import AsyncNext
from .._compat.aio import AsyncOutsideCall
from ..observations import of_consumer, of_relay
from ..place import Place
from ..telemetry import Telemetry

if TYPE_CHECKING:
    from ...adapters.sqlalchemy import AsyncOutboxRelay

_LONGEST_LOOK = 5.0  # seconds


def instrument_bus(bus: AsyncMessageBus[Any], telemetry: Telemetry) -> None:
    """Tell of each *handle*, of each listener, and of what enters the outbox."""

    async def handle(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
        transaction = call.transaction
        transaction.trace_context = partial(telemetry.create, transaction)
        received = transaction.received
        is_received = received is not None and received.message is call.message
        correlation_id = received.correlation_id if received is not None and is_received else None
        with telemetry.handle(call.message, correlation_id):
            return await call_next(call)

    async def listen(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
        with telemetry.listener(call):
            return await call_next(call)

    bus.add_middleware(handle, around="handle")
    bus.add_middleware(listen)


def instrument_relay(relay: AsyncOutboxRelay, telemetry: Telemetry) -> None:
    """Tell of each batch, and of the status of the relay."""
    looking = AsyncOutsideCall()

    async def send(call: AsyncSendCall, call_next: AsyncNext[AsyncSendCall]) -> None:
        looking.enter()
        with telemetry.send(_place_of(call.transport), call.messages) as messages:
            call.messages = messages
            await call_next(call)

    relay.add_middleware(send)
    telemetry.instruments.observe(relay, partial(_observe, looking))


def instrument_consumer(consumer: AsyncInboxConsumer, telemetry: Telemetry) -> None:
    """Tell of what is received, processed and settled, and of the status of the consumer."""

    async def receive(
        call: AsyncReceiveCall, call_next: AsyncNext[AsyncReceiveCall]
    ) -> Sequence[Delivery]:
        with telemetry.receive(call.consumer) as received:
            received.extend(await call_next(call))
        return received

    async def process(call: AsyncProcessCall, call_next: AsyncNext[AsyncProcessCall]) -> None:
        with telemetry.process(call.consumer, call.deliveries, call.messages):
            await call_next(call)

    async def settle(call: AsyncSettleCall, call_next: AsyncNext[AsyncSettleCall]) -> None:
        with telemetry.settle(call.consumer, call.deliveries):
            await call_next(call)

    consumer.add_middleware(receive, around="receive")
    consumer.add_middleware(process)
    consumer.add_middleware(settle, around="settle")
    telemetry.instruments.observe(consumer, of_consumer)


def instrument_publisher(publisher: AsyncEventstreamPublisher, telemetry: Telemetry) -> None:
    """Tell of each message that is sent without an outbox."""
    publisher.transport = AsyncTracedTransport(publisher.transport, telemetry)


class AsyncTracedTransport(AsyncAbstractEventstreamTransport):
    """A transport that tells of what it sends.

    Args:
        transport: sends the messages.
        telemetry: writes the spans.
    """

    def __init__(self, transport: AsyncAbstractEventstreamTransport, telemetry: Telemetry) -> None:
        self._transport = transport
        self._telemetry = telemetry

    async def connect(self) -> None:
        """Connect the transport."""
        await self._transport.connect()

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a message with its trace context."""
        with self._telemetry.send(_place_of(self._transport), [message]) as (traced,):
            await self._transport.send_message_serialized(traced)

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages with their trace contexts."""
        with self._telemetry.send(_place_of(self._transport), messages) as traced:
            await self._transport.send_messages_serialized(traced)

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()


def _place_of(transport: AsyncAbstractEventstreamTransport) -> Place:
    return Place(transport.system, transport.destination)


def _observe(
    looking: AsyncOutsideCall, relay: AsyncOutboxRelay
) -> Mapping[str, Sequence[Observation]]:
    return of_relay(looking(relay.status, _LONGEST_LOOK))
