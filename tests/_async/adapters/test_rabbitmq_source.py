"""The source that reads queues of RabbitMQ."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from aio_pika import Message

from messagebus.adapters.rabbitmq import AsyncRabbitmqSource, AsyncRabbitmqTransport
from messagebus.exceptions import (
    ConfigurationError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.inbox._async.source import AsyncAbstractSource
from messagebus.inbox.capability import SourceCapability
from messagebus.testing.source import AsyncSourceHarness, async_source_rules
from messagebus.testing.source._async.reading import drain, rest, send, start, take, wires
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import on_rabbitmq, publish, queued
from tests.chaos.proxy import Proxy

URL = "amqp://localhost/?exchange=a"
MODES: Mapping[str, dict[str, Any]] = {
    "ordered": {},
    "partitioned": {"partitions": 3},
    "competing": {"ordered": False},
}
RULES = {
    mode: async_source_rules(
        AsyncRabbitmqSource.from_url(URL, "reader", **options).capabilities
        - {SourceCapability.OUTAGES}
    )
    for mode, options in MODES.items()
}
names = itertools.count()


class RabbitmqHarness(AsyncSourceHarness):
    """An exchange that transports and sources create; each source has a network of its own."""

    def __init__(self, server: str, exchange: str, mode: str, networks: ExitStack) -> None:
        self.server = server
        self.exchange = exchange
        self.mode = mode
        self.networks = networks
        self.proxies: dict[int, Proxy] = {}
        self.partitions = MODES[mode].get("partitions", 1)
        self.capabilities = AsyncRabbitmqSource.from_url(URL, "reader", **MODES[mode]).capabilities

    def transport(self) -> AsyncRabbitmqTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncRabbitmqTransport.from_url(
            self.server,
            exchange=self.exchange,
            create=True,
            patience=0.2,
            partitions=self.partitions,
        )

    def source(self, consumer: str = "reader", **options: Any) -> AsyncRabbitmqSource:
        """Create a source."""
        port = urlsplit(self.server).port or 5672
        proxy = self.networks.enter_context(Proxy(port))
        source = AsyncRabbitmqSource.from_url(
            self.server.replace(str(port), str(proxy.port)),
            consumer,
            exchange=self.exchange,
            create=True,
            **MODES[self.mode],
            **options,
        )
        self.proxies[id(source)] = proxy
        return source

    def another(self) -> RabbitmqHarness:
        """Return a harness with another exchange."""
        name = f"{self.exchange}-{next(names)}"
        return RabbitmqHarness(self.server, name, self.mode, self.networks)

    async def send_unreadable(self, body: bytes) -> None:
        """Publish a body that is no text."""
        key = "raw" + (".0" if self.partitions > 1 else "")
        publish(self.server, self.exchange, key, Message(body))

    async def cut(self, source: AsyncAbstractSource) -> None:
        """Cut the network."""
        proxy = self.proxies[id(source)]
        proxy.cut()
        proxy.mend()


@pytest.fixture
def networks() -> Iterator[ExitStack]:
    """Yield a place for networks, which end with the test."""
    with ExitStack() as stack:
        yield stack


CASES = [
    pytest.param(mode, rule, id=f"{mode}-{rule.__name__}")
    for mode, rules in RULES.items()
    for rule in rules
]


@pytest.mark.parametrize(("mode", "rule"), CASES)
async def test_a_source_of_rabbitmq_keeps_the_contract(
    mode: str, rule: Any, rabbitmq_url: str, unique_name: str, networks: ExitStack
) -> None:
    """Every rule for sources holds."""
    await rule(RabbitmqHarness(rabbitmq_url, unique_name, mode, networks))


async def test_queues_are_declared_bound_and_named_after_the_consumer(
    rabbitmq_url: str, unique_name: str
) -> None:
    """All of them, before any is read, so that nothing is lost that is sent meanwhile."""
    messages = new_messages(20)
    for number, message in enumerate(messages):
        message["ordering_key"] = f"parcel {number}"
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "billing", partitions=2, create=True)
    await source.connect()
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name, partitions=2) as transport:
        await transport.send_messages_serialized(messages)
    queues = [f"{unique_name}.billing.{number}" for number in range(2)]
    found = [each for queue in queues for each in queued(rabbitmq_url, queue)]
    await source.close()

    keys = {each.routing_key for each in found}
    assert {"parcel_sent.0", "parcel_sent.1"} == keys
    assert 20 == len(found)


async def test_the_headers_of_anybody_are_texts(rabbitmq_url: str, unique_name: str) -> None:
    """Whatever their types are; what cannot be read keeps them beside its bytes."""
    headers: dict[str, Any] = {"number": 1, "flag": True, "time": datetime(2026, 1, 1, tzinfo=UTC)}
    message = Message(b"\xff", headers=headers, message_id="7", content_type="text/plain")
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader", create=True)
    await source.connect()
    publish(rabbitmq_url, unique_name, "a.b", message)
    publish(rabbitmq_url, unique_name, "a.b", Message(b"{}", headers={"json:tags": "[" * 100_000}))
    first, second = await take(source, 2)
    await source.close()

    assert (None, b"\xff") == (first.wire, first.body)
    assert f"rabbitmq {unique_name}.reader 7" == first.origin
    expected = {"number": "1", "flag": "true", "message_id": "7", "routing_key": "a.b"}
    assert expected == {name: first.headers[name] for name in expected}
    assert {str} == {*map(type, first.headers.values())}
    assert (None, b"{}") == (second.wire, second.body)


async def test_a_prefetch_that_is_smaller_than_a_batch_hinders_nothing(
    rabbitmq_url: str, unique_name: str
) -> None:
    """The server sends no more until some are settled; all come once, in order."""
    messages = new_messages(1_000)
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader", prefetch=30, create=True)
    await source.connect()
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name) as transport:
        await transport.send_messages_serialized(messages)
    first = await take(source, 30)
    assert [] == await source.receive(100, 0.1)
    await source.settle(first)
    taken = [*first, *await drain(source, 970)]
    await source.close()

    assert messages == wires(taken)
    assert {False} == {each.redelivered for each in taken}
    assert [] == queued(rabbitmq_url, f"{unique_name}.reader")


async def test_what_comes_back_again_and_again_stays_in_order(
    rabbitmq_url: str, unique_name: str, networks: ExitStack
) -> None:
    """Each process can take all that the one before it held; some of it is settled meanwhile."""
    messages = new_messages(20)
    harness = RabbitmqHarness(rabbitmq_url, unique_name, "ordered", networks)
    await start(first := harness.source(prefetch=6))
    await send(harness, messages)
    await first.close()
    for number in range(4):
        source = harness.source(prefetch=6)
        taken = await take(source, 6)
        assert messages[:6] == wires(taken)
        await source.settle(taken[3:4])
        messages.remove(dict(taken[3].wire or {}))
        await (source.close() if number % 2 else harness.cut(source))
        await source.close()
    last = harness.source(prefetch=6)
    assert messages == wires(await drain(last, 16))
    await last.close()


async def test_a_queue_has_the_same_part_of_the_prefetch_in_every_process(
    rabbitmq_url: str, unique_name: str, networks: ExitStack
) -> None:
    """However many others the process reads."""
    messages = new_messages(12)
    harness = RabbitmqHarness(rabbitmq_url, unique_name, "partitioned", networks)
    for share in ({0}, {0, 1, 2}):
        source = harness.source(prefetch=8)
        await start(source, share)
        await send(harness, messages if len(share) == 1 else [])
        assert messages[:2] == wires(await take(source, 2))
        assert [] == await source.receive(10, 0.1)
        await source.close()


async def test_the_server_drops_nothing_however_often_it_delivers(
    rabbitmq_url: str, unique_name: str
) -> None:
    """From version 4 on, it would drop a message after twenty deliveries."""
    messages = new_messages(1)
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader", create=True)
    await source.connect()
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name) as transport:
        await transport.send_messages_serialized(messages)
    for number in range(30):
        (delivery,) = await take(source, 1)
        assert (number > 0) is delivery.redelivered
        await source.close()
    assert messages == wires(await take(source, 1))
    await source.close()


async def test_a_silent_process_is_followed_by_another(
    rabbitmq_url: str, unique_name: str, networks: ExitStack
) -> None:
    """The server closes its connection; what it held comes first, and it holds nothing any more."""
    messages = new_messages(6)
    harness = RabbitmqHarness(rabbitmq_url, unique_name, "ordered", networks)
    silent, source = harness.source(heartbeat=2), harness.source()
    await start(silent)
    await start(source)
    await send(harness, messages[:4])
    held = await take(silent, 4)
    await silent.settle(held[:1])
    assert [] == await source.receive(10, 0.0)
    harness.proxies[id(silent)].stall()
    await send(harness, messages[4:])
    taken = await take(source, 5)
    assert messages[1:] == wires(taken)
    harness.proxies[id(silent)].mend()
    with pytest.raises(TransportUnavailableError):
        while True:
            await silent.receive(10, 1.0)
    assert [] == silent.held(held)
    await silent.settle(held)
    await source.settle(taken)
    assert [] == await rest(harness, source)
    await silent.close()
    await source.close()


async def test_a_queue_that_is_deleted_is_declared_again(
    rabbitmq_url: str, unique_name: str
) -> None:
    """What was in it is gone, and the error says so; what is sent afterwards comes."""
    messages = new_messages(4)
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader", create=True)
    await source.connect()
    async with AsyncRabbitmqTransport(rabbitmq_url, unique_name) as transport:
        await transport.send_messages_serialized(messages[:2])
        held = await take(source, 2)
        on_rabbitmq(rabbitmq_url, lambda channel: channel.queue_delete(f"{unique_name}.reader"))
        with pytest.raises(TransportUnavailableError, match=r"no more messages.*reader'") as lost:
            await source.receive(10, 30.0)
        await source.settle(held)
        await source.connect()
        await transport.send_messages_serialized(messages[2:])
    assert "deleted" in lost.value.__notes__[0]
    assert messages[2:] == wires(await take(source, 2))
    await source.close()


async def test_a_queue_with_other_settings_is_refused(rabbitmq_url: str, unique_name: str) -> None:
    """The error says which setting it is, and what to do."""
    for options in ({"ordered": False}, {}):
        source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader", create=True, **options)
        if not options:
            with pytest.raises(TransportRefusedError, match="single-active-consumer") as refused:
                await source.connect()
            assert "delete it" in refused.value.__notes__[0]
        else:
            await source.connect()
        await source.close()


async def test_an_exchange_that_is_missing_is_reported(rabbitmq_url: str, unique_name: str) -> None:
    """Before anything is declared or read."""
    source = AsyncRabbitmqSource(rabbitmq_url, unique_name, "reader")
    for call in (source.connect, lambda: source.receive(1, 0.0)):
        with pytest.raises(StreamMissingError, match=f"no exchange '{unique_name}'"):
            await call()
    await source.close()


async def test_a_login_that_is_refused_is_not_waited_for(
    rabbitmq_url: str, unique_name: str
) -> None:
    """No part of the password is in the error."""
    url = rabbitmq_url.replace("guest:guest", "guest:wrong")
    source = AsyncRabbitmqSource(url, unique_name, "reader")
    with pytest.raises(TransportRefusedError, match="ACCESS_REFUSED") as refused:
        await source.connect()
    assert "wrong" not in str(refused.value)
    await source.close()


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    """Whatever is called."""
    source = AsyncRabbitmqSource("amqp://127.0.0.1:1/", "a", "reader")
    for call in (source.connect, lambda: source.receive(1, 0.0)):
        with pytest.raises(TransportUnavailableError):
            await call()
    await source.close()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "needs an exchange"),
        ("?exchange=", "the name of an exchange"),
        ("?exchange=a&colour=red", "an option 'colour'"),
        ("?exchange=a&partitions=0", "partitions"),
        ("?exchange=a&ordered=maybe", "ordered"),
        ("?exchange=a&prefetch=0", "prefetch"),
        ("?exchange=a&prefetch=65536", "prefetch"),
        ("?exchange=a&heartbeat=0", "heartbeat"),
        ("?exchange=a&timeout=0", "timeout"),
        ("?exchange=a&patience=1", "patience"),
        (f"?exchange={'a' * 250}", "too long"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query: str, problem: str) -> None:
    """Mistakes are found before anything is read."""
    with pytest.raises(ConfigurationError, match=problem):
        AsyncRabbitmqSource.from_url(f"amqp://localhost/{query}", "reader")


@pytest.mark.parametrize("consumer", ["", "a b", "a.b", "#"])
def test_a_name_that_would_mix_up_queues_is_refused(consumer: str) -> None:
    """The parts of the name of a queue are divided by dots."""
    with pytest.raises(ConfigurationError, match="name of a consumer"):
        AsyncRabbitmqSource.from_url(URL, consumer)
