"""The source that reads a stream of JetStream."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from messagebus.adapters.nats import AsyncNatsSource, AsyncNatsTransport
from messagebus.exceptions import (
    ConfigurationError,
    MessageRejectedError,
    StreamMissingError,
)
from messagebus.inbox._async.source import AsyncAbstractSource
from messagebus.testing.source import AsyncSourceHarness, async_source_rules
from messagebus.testing.source._async.reading import reading, send, start, take, wires
from messagebus.testing.transport.messages import new_messages
from tests.adapters.nats_connections import add_durable, cut
from tests.adapters.stored import letters, on_nats
from tests.servers import NatsServer

URL = "nats://localhost?stream=A&subject=a.{name}"
MODES: Mapping[str, dict[str, Any]] = {
    "ordered": {},
    "partitioned": {"partitions": 3},
    "competing": {"ordered": False, "hold": 1.0},
}
RULES = {
    mode: async_source_rules(AsyncNatsSource.from_url(URL, "reader", **options).capabilities)
    for mode, options in MODES.items()
}
names = itertools.count()


class NatsHarness(AsyncSourceHarness):
    """A stream that transports and sources create."""

    timeout = 15.0

    def __init__(self, url: str, stream: str, mode: str) -> None:
        self.server = url
        self.url = f"{url}?stream={stream}&subject={stream}.{{name}}"
        self.stream = stream
        self.mode = mode
        self.partitions = MODES[mode].get("partitions", 1)
        self.capabilities = self.source().capabilities

    def transport(self) -> AsyncNatsTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncNatsTransport.from_url(
            self.url, create=True, patience=0.2, partitions=self.partitions
        )

    def source(self, consumer: str = "reader") -> AsyncNatsSource:
        """Create a source."""
        return AsyncNatsSource.from_url(
            self.url, consumer, create=True, timeout=self.timeout, **MODES[self.mode]
        )

    def another(self) -> NatsHarness:
        """Return a harness with another stream."""
        return NatsHarness(self.server, f"{self.stream}-{next(names)}", self.mode)

    async def send_unreadable(self, body: bytes) -> None:
        """Publish a body that is no JSON."""
        subject = f"{self.stream}.raw" + (".0" if self.partitions > 1 else "")
        on_nats(self.server, lambda jetstream: jetstream.publish(subject, body))

    async def cut(self, source: AsyncAbstractSource) -> None:
        """Cut the socket."""
        cut(source)


class NatsServerHarness(NatsHarness):
    """A stream of a server that may be stopped."""

    timeout = 3.0  # which a client waits for when its server stops

    def __init__(self, server: NatsServer, mode: str) -> None:
        super().__init__(server.url, "events", mode)
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


def cases(*, outages: bool) -> list[Any]:
    """Return the rules of each mode."""
    return [
        pytest.param(mode, rule, id=f"{mode}-{rule.__name__}")
        for mode, rules in RULES.items()
        for rule in rules
        if rule.__module__.endswith("outages") == outages
    ]


@pytest.mark.parametrize(("mode", "rule"), cases(outages=False))
async def test_a_source_of_nats_keeps_the_contract(
    mode: str, rule: Any, nats_url: str, unique_name: str
) -> None:
    """Every rule for sources holds."""
    await rule(NatsHarness(nats_url, unique_name, mode))


@pytest.mark.parametrize(("mode", "rule"), cases(outages=True))
async def test_a_source_outlives_its_server(mode: str, rule: Any, own_nats: NatsServer) -> None:
    """Every rule for sources whose broker fails holds."""
    await rule(NatsServerHarness(own_nats, mode))


async def test_the_place_of_a_consumer_survives_a_half_made_change(
    nats_url: str, unique_name: str
) -> None:
    """If a process dies before it deletes the durable before its own, nothing comes again."""
    harness = NatsHarness(nats_url, unique_name, "ordered")
    messages = new_messages(4)
    async with reading(harness) as source:
        await send(harness, messages)
        await source.settle(await take(source, 2))
        add_durable(nats_url, unique_name, "reader_0_9")
    async with reading(harness) as source:
        assert messages[2:] == wires(await take(source, 2))
    found = on_nats(nats_url, lambda jetstream: jetstream.consumers_info(unique_name))
    assert ["reader_0_10"] == [each.name for each in found]


async def test_what_another_process_reads_by_now_is_passed_over(
    nats_url: str, unique_name: str
) -> None:
    """A process that settles it too late keeps its connection, and what it holds elsewhere."""
    messages = [{**each, "ordering_key": f"{key}"} for key, each in enumerate(new_messages(20))]
    harness = NatsHarness(nats_url, unique_name, "partitioned")
    late, early = harness.source(), harness.source()
    await start(late)
    await send(harness, messages)
    found = await take(late, len(messages))
    await start(early, [0])
    theirs = await take(early, len([each for each in found if each.partition == 0]))

    await late.settle([each for each in found if each.partition == 0])
    assert {1, 2} == {each.partition for each in late.held(found)}
    await late.settle([each for each in found if each.partition != 0])
    await early.settle(theirs)
    assert {0} == {each.partition for each in theirs}
    await late.close()
    await early.close()
    async with reading(harness) as source:
        assert [] == await source.receive(100, 0.1)


async def test_a_process_takes_no_more_from_the_server_than_it_may_hand_out(
    nats_url: str, unique_name: str
) -> None:
    """If it dies, only what it may have handled comes again as redelivered."""
    messages = [{**each, "ordering_key": f"{key}"} for key, each in enumerate(new_messages(60))]
    harness = NatsHarness(nats_url, unique_name, "partitioned")
    dead = harness.source()
    await start(dead)
    await send(harness, messages)
    await dead.receive(6, 5.0)
    async with reading(harness) as source:
        taken = await take(source, len(messages))
    await dead.close()

    assert len(messages) == len(taken)
    assert 0 < len([each for each in taken if each.redelivered]) <= 6


async def test_the_partition_is_the_last_token_of_a_subject(
    nats_url: str, unique_name: str
) -> None:
    """Only where there are several; a subject with more tokens than the template is refused."""
    messages = new_messages(20)
    for number, message in enumerate(messages):
        message["ordering_key"] = f"parcel {number}"
    harness = NatsHarness(nats_url, unique_name, "partitioned")
    await send(harness, messages)
    subjects = {each.subject for each in letters(nats_url, unique_name)}
    assert {f"{unique_name}.parcel_sent.{number}" for number in range(3)} == subjects
    async with harness.transport() as transport:
        with pytest.raises(MessageRejectedError, match="more tokens"):
            await transport.send_message_serialized({**messages[0], "type": "a.b_v1"})


async def test_a_stream_that_is_missing_is_reported(nats_url: str, unique_name: str) -> None:
    """Before anything is read."""
    source = AsyncNatsSource(nats_url, unique_name, unique_name, "reader")
    with pytest.raises(StreamMissingError):
        await source.connect()
    await source.close()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("?stream=A", "needs a subject"),
        ("?stream=A&subject=a&colour=red", "an option 'colour'"),
        ("?stream=A&subject=a&partitions=0", "partitions"),
        ("?stream=A&subject=a&ordered=maybe", "ordered"),
        ("?stream=A&subject=a&hold=5", "hold has no effect"),
        ("?stream=A&subject=a&deduplicate_for=1", "deduplicate_for"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query: str, problem: str) -> None:
    """Mistakes are found before anything is read."""
    with pytest.raises(ConfigurationError, match=problem):
        AsyncNatsSource.from_url(f"nats://localhost{query}", "reader")
