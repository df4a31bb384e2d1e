"""The connection to RabbitMQ when it is closed or lost while it is used."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import AMQPConnectionError

from messagebus.adapters.rabbitmq import AsyncRabbitmqTransport
from messagebus.adapters.rabbitmq.connection import Connection, Exchange
from messagebus.exceptions import BatchSendError, TransportUnavailableError
from messagebus.testing.transport import Capability, async_transport_rules
from messagebus.testing.transport.messages import new_messages
from tests._async.adapters.test_rabbitmq import CAPABILITIES, RULES, RabbitmqHarness
from tests.adapters.stored import bind_queue
from tests.servers import RabbitmqServer

# Those under load send thousands of messages while the server starts, which takes it many seconds.
OUTAGES = [
    rule
    for rule in async_transport_rules({*CAPABILITIES, Capability.OUTAGES})
    if rule not in RULES and not rule.__name__.endswith("_under_load_loses_nothing")
]


class RabbitmqServerHarness(RabbitmqHarness):
    """An exchange of a server that may be stopped."""

    capabilities = CAPABILITIES | {Capability.OUTAGES}

    def __init__(self, server: RabbitmqServer) -> None:
        super().__init__(server.url, "events")
        self.broker = server

    def stop_broker(self) -> None:
        """Stop the server."""
        self.broker.stop()

    def kill_broker(self) -> None:
        """Kill the server."""
        self.broker.kill()

    def start_broker(self) -> None:
        """Start the server again."""
        self.broker.start()


@pytest.mark.slow
@pytest.mark.parametrize("rule", OUTAGES)
async def test_rabbitmq_may_come_and_go(rule: Any, own_rabbitmq: RabbitmqServer) -> None:
    """Nothing is lost; in one colour, since each rule starts the slow server several times."""
    await rule(RabbitmqServerHarness(own_rabbitmq))


async def test_a_close_that_is_cancelled_ends_as_cancelled(
    rabbitmq_url: str, unique_name: str
) -> None:
    """Only what is cancelled inside the client is ignored."""
    connection = Connection(Exchange(unique_name, create=True), timeout=5.0)
    await connection.open(rabbitmq_url)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing


async def test_a_connection_that_cannot_be_opened_leaves_nothing_to_close() -> None:
    """The client would close it when it is collected, in a thread that may have no loop."""
    connection = Connection(Exchange("events", create=True), timeout=5.0)
    with pytest.raises(AMQPConnectionError) as failure:
        await connection.open("amqp://127.0.0.1:1/")
    await connection.close()

    assert failure.value.__traceback__ is not None  # which keeps what the client has made
    kinds = ((type(each), each) for each in gc.get_objects())  # a proxy may refuse to say its class
    found: list[Any] = [each for kind, each in kinds if issubclass(kind, aio_pika.Connection)]
    assert [True] == [each.is_closed for each in found if each.url.port == 1]


async def test_a_close_while_messages_are_sent_is_an_outage(
    rabbitmq_url: str, unique_name: str
) -> None:
    """The client rejects them with an exception of no class."""
    bind_queue(rabbitmq_url, unique_name)
    transport = AsyncRabbitmqTransport(rabbitmq_url, unique_name, patience=0)
    await transport.connect()
    sending = asyncio.create_task(transport.send_messages_serialized(new_messages(3_000)))
    await asyncio.sleep(0)
    await transport.close()
    with pytest.raises(BatchSendError) as failure:
        await sending
    await transport.close()

    assert isinstance(failure.value.__cause__, TransportUnavailableError)
