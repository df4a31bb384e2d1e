"""The transport to an exchange of RabbitMQ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.rabbitmq import AsyncRabbitmqTransport
from messagebus.adapters.rabbitmq.encoding import decode
from messagebus.exceptions import (
    BatchSendError,
    ConfigurationError,
    MessageRejectedError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.testing.transport import AsyncTransportHarness, Capability, async_transport_rules
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import bind_queue, on_rabbitmq, queued
from tests.servers import RabbitmqServer

CAPABILITIES = frozenset({Capability.DESTINATION})
RULES = async_transport_rules(CAPABILITIES)


class RabbitmqHarness(AsyncTransportHarness):
    """An exchange with one queue."""

    capabilities = CAPABILITIES

    def __init__(self, server: str, exchange: str) -> None:
        self.server = server
        self.exchange = exchange
        self.url = f"{server}?exchange={exchange}"
        bind_queue(server, exchange)

    def transport(self) -> AsyncRabbitmqTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncRabbitmqTransport.from_url(self.url, create=True, patience=0.2)

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Read the queue."""
        return [decode(message) for message in queued(self.server, self.exchange)]

    def misdirected(self) -> AsyncRabbitmqTransport:
        """Create a transport to an exchange that does not exist."""
        return AsyncRabbitmqTransport.from_url(f"{self.url}_missing")


@pytest.mark.parametrize("rule", RULES)
async def test_rabbitmq_keeps_the_contract(rule: Any, rabbitmq_url: str, unique_name: str) -> None:
    """Every rule for transports holds."""
    await rule(RabbitmqHarness(rabbitmq_url, unique_name))


async def test_a_message_of_amqp_is_readable_by_anybody(
    rabbitmq_url: str, unique_name: str
) -> None:
    """The payload is the body; what AMQP has a property for is there, and the rest in headers."""
    wire = {"id": "1 ä", "type": "book.read_v12", "created_at": "2026-01-01T00:00:00+00:00"}
    wire |= {"payload": '{"a":"€"}', "correlation_id": "c", "ordering_key": "shelf 1"}
    message = {**wire, "causation_id": None, "number": 1, "tags": ["a"]}
    bind_queue(rabbitmq_url, unique_name, "book.read.12.0")
    async with AsyncRabbitmqTransport(
        rabbitmq_url, unique_name, routing_key="{name}.{version}.0"
    ) as transport:
        await transport.send_message_serialized(message)

    (found,) = queued(rabbitmq_url, unique_name)
    assert b'{"a":"\xe2\x82\xac"}' == found.body
    assert ("1 ä", "book.read_v12", "c") == (found.message_id, found.type, found.correlation_id)
    assert 2 == found.delivery_mode
    expected = {"created_at": wire["created_at"], "causation_id": None, "ordering_key": "shelf 1"}
    assert {**expected, "json:number": "1", "json:tags": '["a"]'} == {
        name: value for name, value in found.headers.items() if name != "x-delivery-count"
    }
    assert message == decode(found)


@pytest.mark.parametrize(
    "message",
    [
        {"payload": ""},
        {"id": "", "type": "ä" * 200, "payload": None},
        {"id": 1, "payload": {"a": None}, "correlation_id": None},
        {"id": "x" * 256, "payload": "null", "json": "1"},
        {"payload": "1", "x-death": "a", "json:a": None, "without:id": "b"},
    ],
)
async def test_a_message_comes_back_from_amqp_as_it_was(
    message: dict[str, Any], rabbitmq_url: str, unique_name: str
) -> None:
    """Whatever its keys and values are."""
    bind_queue(rabbitmq_url, unique_name)
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name, routing_key="k") as transport:
        await transport.send_message_serialized(message)

    assert [message] == [decode(each) for each in queued(rabbitmq_url, unique_name)]


async def test_a_key_is_divided_among_partitions(rabbitmq_url: str, unique_name: str) -> None:
    """The number follows the routing key; messages without a key are in the first partition."""
    messages = new_messages(5)
    for number in range(1, 5):  # the CRC-32 of their keys modulo 4 is 2, 0, 2 and 1
        messages[number]["ordering_key"] = f"parcel {number}"
    bind_queue(rabbitmq_url, unique_name)
    async with AsyncRabbitmqTransport(
        rabbitmq_url, unique_name, routing_key="events", partitions=4
    ) as transport:
        await transport.send_messages_serialized(messages)

    found = queued(rabbitmq_url, unique_name)
    expected = ["events.0", "events.2", "events.0", "events.2", "events.1"]
    assert expected == [each.routing_key for each in found]
    assert messages == [decode(each) for each in found]


async def test_a_message_without_a_queue_is_refused(rabbitmq_url: str, unique_name: str) -> None:
    """The server would drop it; it keeps none of the others from being sent."""
    messages = new_messages(3)
    messages[1]["type"] = "letter_sent_v1"
    bind_queue(rabbitmq_url, unique_name, "parcel_sent")
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name) as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)

    rejection = failure.value.__cause__
    assert 1 == failure.value.sent
    assert isinstance(rejection, MessageRejectedError)
    assert "no queue for the routing key 'letter_sent'" in rejection.reason
    assert [messages[0], messages[2]] == [
        decode(each) for each in queued(rabbitmq_url, unique_name)
    ]


async def test_an_exchange_that_is_deleted_is_missing(rabbitmq_url: str, unique_name: str) -> None:
    """It is not only looked for in the beginning; the same transport finds the next one."""
    messages = new_messages(4)
    bind_queue(rabbitmq_url, unique_name)
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name) as transport:
        await transport.send_messages_serialized(messages[:2])
        on_rabbitmq(rabbitmq_url, lambda channel: channel.exchange_delete(unique_name))
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages[2:])
        with pytest.raises(StreamMissingError, match="no exchange"):
            await transport.connect()
        bind_queue(rabbitmq_url, unique_name)
        await transport.send_messages_serialized(messages[2:])

    assert 0 == failure.value.sent
    assert isinstance(failure.value.__cause__, StreamMissingError)
    assert messages == [decode(each) for each in queued(rabbitmq_url, unique_name)]


async def test_a_full_queue_is_an_outage(rabbitmq_url: str, unique_name: str) -> None:
    """No room is no fault of the message."""
    limits: dict[str, Any] = {"x-max-length": 1, "x-overflow": "reject-publish"}
    bind_queue(rabbitmq_url, unique_name, **limits)
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name, patience=0) as transport:
        with pytest.raises(TransportUnavailableError) as full:
            for message in new_messages(10):
                await transport.send_message_serialized(message)

    assert not isinstance(full.value, TransportRefusedError)


@pytest.mark.parametrize("login", ["guest:wrong", "nobody:guest"])
async def test_a_login_that_rabbitmq_refuses_is_not_waited_for(
    login: str, rabbitmq_url: str
) -> None:
    """No part of the password is in the error."""
    url = f"{rabbitmq_url.replace('guest:guest', login)}?exchange=events&patience=60"
    async with AsyncRabbitmqTransport.from_url(url) as transport:
        with pytest.raises(TransportRefusedError, match="ACCESS_REFUSED") as error:
            await transport.connect()
    assert "wrong" not in str(error.value)


async def test_a_virtual_host_that_is_missing_is_reported(rabbitmq_url: str) -> None:
    """The error says what to look at; the client does not tell what the server said."""
    url = f"{rabbitmq_url}nowhere?exchange=events&patience=60"
    async with AsyncRabbitmqTransport.from_url(url) as transport:
        with pytest.raises(TransportUnavailableError, match="virtual host"):
            await transport.connect()


async def test_a_rabbitmq_that_is_not_there_is_reported_at_once() -> None:
    """Connecting waits for nothing."""
    url = "amqp://127.0.0.1:1/?exchange=events&patience=60"
    async with AsyncRabbitmqTransport.from_url(url) as transport:
        with pytest.raises(TransportUnavailableError):
            await transport.connect()


@pytest.mark.slow
async def test_what_rabbitmq_closes_the_channel_for_is_told_apart() -> None:
    """A message that is too large is rejected, alone; a missing right is the configuration."""
    messages = new_messages(4)
    messages[2]["payload"] = "x" * 2_000
    with RabbitmqServer(
        {"us@er": "p@ss/w"}, {"us@er": {"write": "^events$"}}, "max_message_size = 1000"
    ) as server:
        bind_queue(server.url, "events")
        bind_queue(server.url, "others")
        url = server.url.replace("guest:guest", "us%40er:p%40ss%2Fw")
        async with AsyncRabbitmqTransport(url, "events", patience=60) as transport:
            with pytest.raises(BatchSendError) as failure:
                await transport.send_messages_serialized(messages)
            await transport.send_messages_serialized(messages[3:])
        async with AsyncRabbitmqTransport(url, "others", patience=60) as transport:
            with pytest.raises(TransportRefusedError, match="ACCESS_REFUSED"):
                await transport.send_message_serialized(messages[0])
        found = [decode(each)["id"] for each in queued(server.url, "events")]

    assert 2 == failure.value.sent
    assert isinstance(failure.value.__cause__, MessageRejectedError)
    assert {each["id"] for each in (*messages[:2], messages[3])} == set(found)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?exchange=",
        "?exchange=a&create=maybe",
        "?exchange=a&colour=red",
        "?exchange=a&routing_key={",
        "?exchange=a&partitions=0",
        "?exchange=a&patience=-1",
    ],
)
def test_a_url_of_rabbitmq_that_makes_no_sense_is_refused(query: str) -> None:
    """Mistakes are found before anything is sent."""
    with pytest.raises(ConfigurationError):
        AsyncRabbitmqTransport.from_url(f"amqp://localhost/{query}")
