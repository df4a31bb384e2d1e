"""The source that reads a topic of Kafka."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")

from messagebus._compat.waits.aio import in_thread, sleep, together
from messagebus.adapters.kafka import AsyncKafkaSource, AsyncKafkaTransport
from messagebus.exceptions import (
    ConfigurationError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.inbox import Position
from messagebus.inbox._async.source import AsyncAbstractSource
from messagebus.testing.source import AsyncSourceHarness, async_source_rules
from messagebus.testing.source._async.reading import PATIENCE, drain, reading, send, take, wires
from messagebus.testing.transport.messages import new_messages
from tests.adapters.kafka import committed, produce
from tests.chaos.proxy import Proxy
from tests.servers import KafkaServer

RULES = async_source_rules(AsyncKafkaSource.capabilities)
# The broker of the tests looks for new members every half of a session, and at most each second.
SESSION = 2.0
PARTITIONS = 2
names = itertools.count()


class BalancedSource(AsyncKafkaSource):
    """A source that is connected when the members of its group have shared the partitions."""

    members: list[BalancedSource]

    async def connect(self) -> None:
        """Connect, and wait until each partition has a member, and each member has some."""
        await super().connect()
        end = monotonic() + PATIENCE
        while not self.is_balanced and monotonic() < end:
            await sleep(0.01)

    @property
    def is_balanced(self) -> bool:
        """Whether nothing will change hands any more; not with more members than partitions."""
        members = [each._member for each in self.members]
        shares = [[*each.records.partitions] for each in members if each and each.usable]
        everything = sorted(partition for share in shares for partition in share)
        return len(shares) > PARTITIONS or ([*range(PARTITIONS)] == everything and all(shares))


class KafkaHarness(AsyncSourceHarness):
    """A topic that transports and sources create."""

    capabilities = AsyncKafkaSource.capabilities

    def __init__(self, url: str, topic: str) -> None:
        self.server = url
        self.topic = topic
        self.url = f"{url}?topic={topic}&create=yes&partitions={PARTITIONS}"
        self.members: dict[str, list[BalancedSource]] = {}

    def transport(self) -> AsyncKafkaTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncKafkaTransport.from_url(self.url, patience=0.2)

    def source(self, consumer: str = "reader") -> BalancedSource:
        """Create a source whose group belongs to the topic."""
        source = BalancedSource.from_url(self.url, f"{self.topic}-{consumer}", session=SESSION)
        source.members = self.members.setdefault(consumer, [])
        source.members.append(source)
        return source

    def another(self) -> KafkaHarness:
        """Return a harness with another topic."""
        return KafkaHarness(self.server, f"{self.topic}-{next(names)}")

    async def send_unreadable(self, body: bytes) -> None:
        """Produce a record whose payload is no text."""
        produce(self.server, self.topic, body)

    async def cut(self, source: AsyncAbstractSource) -> None:
        """Let the group forget the member, as when its session is over."""
        assert isinstance(source, AsyncKafkaSource)
        assert source._member is not None
        await in_thread(source._member.close)


class ProxiedHarness(KafkaHarness):
    """A topic of a broker from which the clients can be cut off; it forgets all when it stops."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        super().__init__(url, "events")
        self.url += "&timeout=2"
        self.proxy = proxy

    def stop_broker(self) -> None:
        """Cut the connections."""
        self.proxy.cut()

    def start_broker(self) -> None:
        """Let connections pass again."""
        self.proxy.mend()


SUBJECTS = sorted({rule.__module__ for rule in RULES})


def rules_about(subject: str) -> list[Any]:
    """Return the rules of a subject, the name of their module."""
    return [rule for rule in RULES if subject == rule.__module__]


@pytest.fixture
def proxied() -> Iterator[ProxiedHarness]:
    """Yield a harness with a broker behind a proxy."""
    with KafkaServer.behind_proxy() as (server, proxy):
        yield ProxiedHarness(server.url, proxy)


@pytest.mark.slow
@pytest.mark.parametrize("subject", [each for each in SUBJECTS if "outages" not in each])
async def test_a_source_of_kafka_keeps_the_contract(
    subject: str, kafka_url: str, unique_name: str
) -> None:
    """Every rule for sources holds; they run together, since joining a group takes its time."""
    failures: list[Exception] = []

    async def run(rule: Any, tries: int = 3) -> None:
        try:
            await rule(KafkaHarness(kafka_url, f"{unique_name}-{next(names)}"))
        except Exception as failure:  # noqa: BLE001 - raised below
            # The server may let a group wait for ever whose leader leaves while another one joins.
            if "has not yet said what to read" in str(failure) and tries > 1:
                await run(rule, tries - 1)
                return
            failure.add_note(f"The rule: {rule.__name__}")
            failures.append(failure)

    await together(*(partial(run, rule) for rule in rules_about(subject)))
    if failures:
        raise ExceptionGroup(subject, failures)


@pytest.mark.slow
@pytest.mark.parametrize("rule", rules_about(next(each for each in SUBJECTS if "outages" in each)))
async def test_a_source_outlives_the_loss_of_its_broker(rule: Any, proxied: ProxiedHarness) -> None:
    """Every rule for sources whose broker fails holds."""
    await rule(proxied)


@pytest.mark.slow
async def test_offsets_are_committed_up_to_the_first_message_that_is_not_settled(
    kafka_url: str, unique_name: str
) -> None:
    """Whoever comes next begins there; settling what is settled commits nothing."""
    harness = KafkaHarness(kafka_url, unique_name)
    messages = new_messages(5)
    found: list[int | None] = []
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await take(source, 5)
        for number in (1, 3, 0, 0, 2):
            await source.settle([taken[number]])
            found.append(committed(kafka_url, unique_name, f"{unique_name}-reader"))
        await source.settle(taken)
        found.append(committed(kafka_url, unique_name, f"{unique_name}-reader"))

    assert [None, None, 2, 2, 4, 5] == found


@pytest.mark.slow
async def test_no_more_is_fetched_than_is_taken(kafka_url: str, unique_name: str) -> None:
    """What nobody takes stays with the broker, and comes in order later."""
    harness = KafkaHarness(kafka_url, unique_name)
    messages = new_messages(3_000)
    await send(harness, messages)
    async with reading(harness) as source:
        assert isinstance(source, AsyncKafkaSource)
        member = source._member
        assert member is not None
        end = monotonic() + PATIENCE
        while not member._is_paused and monotonic() < end:
            await sleep(0.01)
        assert 500 <= member.records.waiting <= 1_500
        assert messages == wires(await drain(source, 3_000))
        assert not member._is_paused


async def test_a_record_is_known_by_its_topic_partition_and_offset(
    kafka_url: str, unique_name: str
) -> None:
    """The inbox finds out by them whether it came before."""
    harness = KafkaHarness(kafka_url, unique_name)
    await send(harness, new_messages(3))
    async with reading(harness) as source:
        found = [each.position for each in await take(source, 3)]
    assert [Position(f"kafka {unique_name} 0", offset) for offset in range(3)] == found


@pytest.mark.slow
async def test_a_message_may_be_worked_on_for_any_time(kafka_url: str, unique_name: str) -> None:
    """The process stays in its group although it does not ask for more."""
    url = f"{kafka_url}?topic={unique_name}&create=yes"
    messages = new_messages(2)
    async with AsyncKafkaTransport.from_url(url) as transport:
        await transport.send_messages_serialized(messages)
    config = {"bootstrap.servers": kafka_url.removeprefix("kafka://")}
    source = AsyncKafkaSource(
        {**config, "max.poll.interval.ms": 5_000}, unique_name, unique_name, session=4.0
    )
    taken = await take(source, 2)
    await sleep(6.0)  # what is tested is that this is too long for a client that does not poll
    assert taken == source.held(taken)
    await source.settle(taken)
    assert 2 == committed(kafka_url, unique_name, unique_name)
    await source.close()


async def test_a_missing_topic_is_reported(kafka_url: str, unique_name: str) -> None:
    """The error says how to create it; it is not created by accident."""
    source = AsyncKafkaSource.from_url(f"{kafka_url}?topic={unique_name}", "reader")
    for call in (source.connect, lambda: source.receive(1, 0.0)):
        with pytest.raises(StreamMissingError) as missing:
            await call()
        assert unique_name == missing.value.stream
        assert "create=True" in missing.value.__notes__[0]
    await source.close()


async def test_a_broker_that_is_not_there_is_an_outage() -> None:
    """It may come later, so it is no refusal."""
    source = AsyncKafkaSource.from_url("kafka://127.0.0.1:1?topic=shop&timeout=0.2", "reader")
    for call in (source.connect, lambda: source.receive(1, 0.0)):
        with pytest.raises(TransportUnavailableError) as failure:
            await call()
        assert not isinstance(failure.value, TransportRefusedError)
    await source.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "factory", [AsyncKafkaSource, AsyncKafkaTransport], ids=lambda it: it.__name__
)
async def test_a_refused_login_is_reported(factory: Any) -> None:
    """The error has the answer of the broker, and no password."""
    with KafkaServer(asks_users=True) as server:
        url = server.url.replace("://", "://app:secret@")
        url += "?topic=shop&timeout=1&mechanism=SCRAM-SHA-256"
        consumer = ["reader"] if factory is AsyncKafkaSource else []
        reader = factory.from_url(url, *consumer)
        with pytest.raises(
            TransportRefusedError, match=r"unknown-user.*Correct the user"
        ) as refusal:
            await reader.connect()
        await reader.close()
    assert "secret" not in str(refusal.value)


async def test_an_unknown_setting_of_the_client_is_refused() -> None:
    """The error names it, and comes at once."""
    source = AsyncKafkaSource({"colour": "red"}, "shop", "reader")
    with pytest.raises(TransportRefusedError, match="colour"):
        await source.connect()
    await source.close()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "needs a topic"),
        ("?topic=", "needs the names"),
        ("?topic=a&colour=red", "an option 'colour'"),
        ("?topic=a&partitions=0", "partitions"),
        ("?topic=a&session=0", "session"),
        ("?topic=a&timeout=never", "timeout"),
        ("?topic=a&patience=1", "patience"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query: str, problem: str) -> None:
    """Mistakes are found before anything is read."""
    with pytest.raises(ConfigurationError, match=problem):
        AsyncKafkaSource.from_url(f"kafka://localhost{query}", "reader")
