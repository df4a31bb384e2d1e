"""The transport to a topic of Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")

from messagebus.adapters.kafka import AsyncKafkaTransport
from messagebus.adapters.kafka.encoding import decode
from messagebus.exceptions import (
    BatchSendError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.testing.transport import AsyncTransportHarness, Capability, async_transport_rules
from messagebus.testing.transport._async.retrying import send_until_confirmed
from messagebus.testing.transport.messages import new_messages
from tests.adapters.kafka import records
from tests.chaos.proxy import Proxy
from tests.servers import KafkaServer

CAPABILITIES = frozenset({Capability.DESTINATION, Capability.SIZE_LIMIT})


class KafkaHarness(AsyncTransportHarness):
    """A topic that the transport creates."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, topic: str) -> None:
        self.server = url
        self.topic = topic
        self.url = f"{url}?topic={topic}"

    def transport(self) -> AsyncKafkaTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncKafkaTransport.from_url(self.url, create=True, partitions=2, patience=0.2)

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Read the first partition."""
        return [decode(value, headers) for _, value, headers in records(self.server, self.topic)]

    def misdirected(self) -> AsyncKafkaTransport:
        """Create a transport to the same topic, which does not exist yet."""
        return AsyncKafkaTransport.from_url(self.url)

    def limit(self) -> int:
        """Return the default limit of the client."""
        return 1_000_000


class ProxiedHarness(KafkaHarness):
    """A topic of a broker from which the clients can be cut off; it forgets all when it stops."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        super().__init__(url, "events")
        self.url += "&timeout=1"
        self.proxy = proxy

    def stop_broker(self) -> None:
        """Cut the connections."""
        self.proxy.cut()

    def start_broker(self) -> None:
        """Let connections pass again."""
        self.proxy.mend()


@pytest.fixture
def proxied() -> Iterator[ProxiedHarness]:
    """Yield a harness with a broker behind a proxy."""
    with KafkaServer.behind_proxy() as (server, proxy):
        yield ProxiedHarness(server.url, proxy)


OUTAGES = [
    rule
    for rule in async_transport_rules({*CAPABILITIES, Capability.OUTAGES})
    if rule not in async_transport_rules(CAPABILITIES)
]


@pytest.mark.slow
@pytest.mark.parametrize("rule", OUTAGES, ids=lambda rule: rule.__name__)
async def test_kafka_may_be_lost_for_a_while(rule: Any, proxied: ProxiedHarness) -> None:
    """Every rule for transports whose broker fails holds."""
    await rule(proxied)


@pytest.mark.parametrize("rule", async_transport_rules(CAPABILITIES))
async def test_kafka_keeps_the_contract(rule: Any, kafka_url: str, unique_name: str) -> None:
    """Every rule for transports holds."""
    await rule(KafkaHarness(kafka_url, unique_name))


async def test_a_record_has_the_payload_as_its_value(kafka_url: str, unique_name: str) -> None:
    """Anybody can read it; all else is a header, and the whole message can be rebuilt."""
    message = {"id": "1 ä", "payload": '{"a":1}', "causation_id": None, "number": 5, "five": "5"}
    url = f"{kafka_url}?topic={unique_name}&create=yes"
    async with AsyncKafkaTransport.from_url(url) as transport:
        await transport.send_message_serialized(message)

    ((key, value, headers),) = records(kafka_url, unique_name)
    assert (None, b'{"a":1}') == (key, value)
    assert ("id", "1 ä".encode()) in headers
    assert ("causation_id", None) in headers
    assert message == decode(value, headers)


async def test_an_ordering_key_decides_the_partition(kafka_url: str, unique_name: str) -> None:
    """All messages of a key are in one partition in order; those without are in the first one."""
    messages = [
        {**message, "ordering_key": str(number % 8)}
        for number, message in enumerate(new_messages(40))
    ]
    plain = new_messages(3)
    url = f"{kafka_url}?topic={unique_name}&create=yes&partitions=4"
    async with AsyncKafkaTransport.from_url(url) as transport:
        await transport.send_messages_serialized([*messages, *plain])

    found = [
        [(key, decode(value, headers)) for key, value, headers in part]
        for part in (records(kafka_url, unique_name, number) for number in range(4))
    ]
    assert plain == [message for key, message in found[0] if key is None]
    assert 1 < sum(map(bool, found))
    for number in range(8):
        expected = [each for each in messages if each["ordering_key"] == str(number)]
        places = [
            [message for key, message in part if key == str(number).encode()] for part in found
        ]
        assert [expected] == [place for place in places if place]


async def test_a_missing_topic_is_reported_when_connecting(
    kafka_url: str, unique_name: str
) -> None:
    """The error says how to create it; it is not created by accident."""
    async with AsyncKafkaTransport.from_url(f"{kafka_url}?topic={unique_name}") as transport:
        for _ in range(2):
            with pytest.raises(StreamMissingError) as missing:
                await transport.connect()
    assert unique_name == missing.value.stream
    assert "create=True" in missing.value.__notes__[0]


async def test_a_broker_that_is_not_there_is_an_outage() -> None:
    """It may come later, so it is no refusal."""
    url = "kafka://127.0.0.1:1?topic=shop&timeout=0.2&patience=0"
    async with AsyncKafkaTransport.from_url(url) as transport:
        with pytest.raises(TransportUnavailableError) as failure:
            await transport.connect()
        with pytest.raises(BatchSendError) as batch:
            await transport.send_messages_serialized(new_messages(2))
    assert not isinstance(failure.value, TransportRefusedError)
    assert 0 == batch.value.sent


async def test_an_unknown_setting_of_the_client_is_refused() -> None:
    """The error names it, and comes at once."""
    async with AsyncKafkaTransport({"colour": "red"}, "shop", patience=60) as transport:
        with pytest.raises(TransportRefusedError, match="colour"):
            await transport.connect()


async def test_a_frozen_broker_is_an_outage_after_which_all_is_sent_in_order(
    own_kafka: KafkaServer,
) -> None:
    """What was not confirmed is sent again in order, and may be there twice."""
    messages = new_messages(20)
    url = f"{own_kafka.url}?topic=shop&create=yes&timeout=1&patience=0"
    async with AsyncKafkaTransport.from_url(url) as transport:
        await send_until_confirmed(transport, messages[:10])
        own_kafka.freeze()
        with pytest.raises(BatchSendError) as batch:
            await transport.send_messages_serialized(messages[10:])
        assert 0 == batch.value.sent
        assert isinstance(batch.value.__cause__, TransportUnavailableError)
        own_kafka.thaw()
        await send_until_confirmed(transport, messages[10:])

    found = [decode(value, headers) for _, value, headers in records(own_kafka.url, "shop")]
    assert messages == list({message["id"]: message for message in found}.values())


async def test_a_topic_that_is_lost_is_missing(own_kafka: KafkaServer) -> None:
    """The same transport finds out, although it had looked before."""
    url = f"{own_kafka.url}?topic=shop&timeout=1&patience=60"
    async with AsyncKafkaTransport.from_url(url, create=True) as transport:
        await transport.send_messages_serialized(new_messages(1))
    async with AsyncKafkaTransport.from_url(url) as transport:
        await transport.send_messages_serialized(new_messages(1))
        own_kafka.kill()
        own_kafka.start()
        with pytest.raises(StreamMissingError):
            await transport.send_message_serialized(new_messages(1)[0])
