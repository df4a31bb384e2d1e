"""The source that reads streams of Redis."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from messagebus.adapters.redis import AsyncRedisSource, AsyncRedisTransport
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.exceptions import (
    ConfigurationError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.inbox._async.source import AsyncAbstractSource
from messagebus.testing.source import AsyncSourceHarness, async_source_rules
from messagebus.testing.source._async.reading import drain, reading, rest, send, take, wires
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import in_redis
from tests.servers import RedisServer

MODES: Mapping[str, dict[str, Any]] = {
    "ordered": {},
    "partitioned": {"partitions": 3},
    "competing": {"ordered": False, "hold": 1.0},
}
RULES = {
    mode: async_source_rules(
        AsyncRedisSource.from_url("redis://localhost?stream=a", "reader", **options).capabilities
    )
    for mode, options in MODES.items()
}
names = itertools.count()


class RedisHarness(AsyncSourceHarness):
    """A stream that transports and sources create."""

    def __init__(self, url: str, stream: str, mode: str, **options: Any) -> None:
        self.url = url
        self.stream = stream
        self.mode = mode
        self.options = {**MODES[mode], **options}
        self.clients: dict[int, str] = {}
        self.capabilities = self.source().capabilities

    def transport(self) -> AsyncRedisTransport:
        """Create a transport that gives up soon, since the rules try again."""
        partitions = MODES[self.mode].get("partitions", 1)
        return AsyncRedisTransport.from_url(
            self.url, stream=self.stream, create=True, patience=0.2, partitions=partitions
        )

    def source(self, consumer: str = "reader") -> AsyncRedisSource:
        """Create a source whose connections have a name."""
        name = f"{self.stream}-{next(names)}"
        source = AsyncRedisSource.from_url(
            f"{self.url}?client_name={name}",
            consumer,
            stream=self.stream,
            create=True,
            **self.options,
        )
        self.clients[id(source)] = name
        return source

    def another(self) -> RedisHarness:
        """Return a harness with another stream."""
        return RedisHarness(self.url, f"{self.stream}-{next(names)}", self.mode)

    async def send_unreadable(self, body: bytes) -> None:
        """Add an entry whose payload is no text."""
        first = self.stream if MODES[self.mode].get("partitions", 1) == 1 else f"{self.stream}.0"
        with in_redis(self.url) as client:
            client.xadd(first, {"payload": body})

    async def cut(self, source: AsyncAbstractSource) -> None:
        """Let the server close the connections."""
        name = self.clients[id(source)]
        with in_redis(self.url) as client:
            for each in client.client_list():
                if each["name"] == name:
                    client.client_kill_filter(_id=each["id"])


class RedisServerHarness(RedisHarness):
    """A stream of a server that may be stopped."""

    def __init__(self, server: RedisServer, mode: str) -> None:
        super().__init__(server.url, "events", mode)
        self.server = server

    def stop_broker(self) -> None:
        """Stop the server."""
        self.server.stop()

    def kill_broker(self) -> None:
        """Kill the server."""
        self.server.kill()

    def start_broker(self) -> None:
        """Start the server again."""
        self.server.start()


def cases(*, outages: bool) -> list[Any]:
    """Return the rules of each mode."""
    return [
        pytest.param(mode, rule, id=f"{mode}-{rule.__name__}")
        for mode, rules in RULES.items()
        for rule in rules
        if rule.__module__.endswith("outages") == outages
    ]


@pytest.mark.parametrize(("mode", "rule"), cases(outages=False))
async def test_a_source_of_redis_keeps_the_contract(
    mode: str, rule: Any, redis_url: str, unique_name: str
) -> None:
    """Every rule for sources holds."""
    await rule(RedisHarness(redis_url, unique_name, mode))


@pytest.mark.parametrize(("mode", "rule"), cases(outages=True))
async def test_a_source_outlives_its_server(mode: str, rule: Any, own_redis: RedisServer) -> None:
    """Every rule for sources whose broker fails holds."""
    await rule(RedisServerHarness(own_redis, mode))


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_every_shape_of_a_reply_is_read(
    protocol: int, decode: bool, redis_url: str, unique_name: str
) -> None:
    """Whatever the protocol is, and whether the client of somebody else decodes strings."""
    harness = RedisHarness(redis_url, unique_name, "ordered")
    messages = new_messages(3)
    client: Any = AsyncRedis.from_url(redis_url, protocol=protocol, decode_responses=decode)
    await send(harness, messages)
    await harness.send_unreadable(b"\xff")
    for settle in (False, True):
        source = AsyncRedisSource(client, unique_name, "reader")
        taken = await take(source, 4)
        assert [*messages, {}] == wires(taken)
        assert [not settle, b"\xff"] == [taken[0].redelivered is False, taken[3].body]
        if settle:
            await source.settle(taken)
        await source.close()
    with in_redis(redis_url) as admin:
        assert 0 == admin.xpending(unique_name, "reader")["pending"]
    await client.aclose()


async def test_an_entry_that_is_no_message_keeps_all_its_bytes(
    redis_url: str, unique_name: str
) -> None:
    """Without a payload, or with other fields that are no text, it is kept as a whole."""
    with in_redis(redis_url) as client:
        client.xadd(unique_name, {"name": "a", b"\xff": b"\x00\r\n"})
        client.xadd(unique_name, {"payload": "{}", "id": b"\xfe"})
    source = AsyncRedisSource.from_url(redis_url, "reader", stream=unique_name)
    first, second = await take(source, 2)
    await source.close()

    assert b"$4\r\nname\r\n$1\r\na\r\n$1\r\n\xff\r\n$3\r\n\x00\r\n\r\n" == first.body
    assert b"$7\r\npayload\r\n$2\r\n{}\r\n$2\r\nid\r\n$1\r\n\xfe\r\n" == second.body
    assert [None, None] == [first.wire, second.wire]


async def test_trimmed_entries_are_logged_as_lost(
    redis_url: str, unique_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was given out and is gone from the stream can never be delivered again."""
    harness = RedisHarness(redis_url, unique_name, "ordered")
    messages = new_messages(3)
    async with reading(harness) as source:
        await send(harness, messages)
        lost = (await take(source, 3))[0].origin.split()[-1]
    with in_redis(redis_url) as client:
        client.xdel(unique_name, lost)
    with caplog.at_level(logging.ERROR, "messagebus"):
        async with reading(harness) as source:
            assert messages[1:] == wires(await take(source, 2))

    (record,) = [each.getMessage() for each in caplog.records if each.name == "messagebus"]
    assert record.startswith("Redis has trimmed 1 entries")
    assert lost in record


async def test_a_frozen_process_reads_nothing_when_its_partition_is_gone(
    redis_url: str, unique_name: str
) -> None:
    """What it read before is taken over, and comes before what it would have read."""
    harness = RedisHarness(redis_url, unique_name, "ordered")
    messages = new_messages(5)
    frozen, source = harness.source(), harness.source()
    await frozen.connect()
    await frozen.assign({0})
    await send(harness, messages[:2])
    assert messages[:2] == wires(await take(frozen, 2))
    await source.connect()
    await source.assign({0})
    assert [] == await frozen.receive(5, 0.1)
    await send(harness, messages[2:])
    taken = await take(source, 5)
    assert messages == wires(taken)
    await source.settle(taken)
    assert [] == await rest(harness, source)
    await frozen.close()
    await source.close()


@pytest.mark.slow
async def test_what_is_extended_stays_with_its_process(redis_url: str, unique_name: str) -> None:
    """A message that is still being worked on goes to nobody else; without that, it does."""
    harness = RedisHarness(redis_url, unique_name, "competing", hold=4.0)
    messages = new_messages(2)
    async with reading(harness) as busy, reading(harness) as other:
        await send(harness, messages)
        kept, lost = await take(busy, 2)
        received: list[Any] = []
        while not received:
            await busy.extend([kept])
            received = list(await other.receive(5, 0.1))

        assert messages[1:] == wires(received)
        assert [kept] == busy.held([kept, lost])
        await busy.extend([lost])
        await busy.release([lost])
        assert other.held(received[:1])
        await busy.settle([kept])
        await other.settle(received)
        assert [] == await rest(harness, other)


async def test_a_group_that_is_gone_is_made_again(redis_url: str, unique_name: str) -> None:
    """It begins at the beginning of the stream: nothing is lost, and the inbox knows the rest."""
    harness = RedisHarness(redis_url, unique_name, "ordered")
    messages = new_messages(3)
    async with reading(harness) as source:
        await send(harness, messages)
        await source.settle(await take(source, 3))
        with in_redis(redis_url) as client:
            client.xgroup_destroy(unique_name, "reader")
        with pytest.raises(TransportUnavailableError, match=r"NOGROUP.*again"):
            await source.receive(5, 0.0)
        assert messages == wires(await drain(source, 3))


async def test_a_stream_that_is_missing_is_reported(redis_url: str, unique_name: str) -> None:
    """The note says how to create it together with the group."""
    source = AsyncRedisSource.from_url(redis_url, "reader", stream=unique_name)
    for call in (source.connect, lambda: source.receive(1, 0.0)):
        with pytest.raises(StreamMissingError) as missing:
            await call()
        assert f"XGROUP CREATE {unique_name} reader 0 MKSTREAM" in missing.value.__notes__[0]
    with in_redis(redis_url) as client:
        client.xgroup_create(unique_name, "reader", "0", mkstream=True)
    await source.connect()
    await source.close()


async def test_a_key_that_is_no_stream_is_refused(redis_url: str, unique_name: str) -> None:
    """Waiting does not help."""
    with in_redis(redis_url) as client:
        client.set(unique_name, "a text")
    source = AsyncRedisSource.from_url(redis_url, "reader", stream=unique_name, create=True)
    with pytest.raises(TransportRefusedError, match="WRONGTYPE"):
        await source.connect()
    await source.close()


@pytest.mark.parametrize("command", ["xreadgroup", "xack", "xclaim", "xautoclaim"])
async def test_a_missing_right_is_found_when_connecting(
    command: str, own_redis: RedisServer
) -> None:
    """The text names the command, and what the user must be allowed."""
    with in_redis(own_redis.url) as client:
        client.execute_command(
            *("ACL", "SETUSER", "reader", "on", ">secret", "~events", "+@all", f"-{command}")
        )
    url = own_redis.url.replace("://", "://reader:secret@")
    source = AsyncRedisSource.from_url(url, "reader", stream="events", create=True)
    with pytest.raises(TransportRefusedError, match=rf"(?i)'{command}'.*XREADGROUP, XACK"):
        await source.connect()
    await source.close()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "needs a stream"),
        ("?stream=", "needs the names"),
        ("?stream=a&colour=red", "an option 'colour'"),
        ("?stream=a&partitions=0", "partitions"),
        ("?stream=a&ordered=maybe", "ordered"),
        ("?stream=a&hold=5", "hold has no effect"),
        ("?stream=a&ordered=no&hold=0", "hold"),
        ("?stream=a&deduplicate_for=1", "deduplicate_for"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query: str, problem: str) -> None:
    """Mistakes are found before anything is read."""
    with pytest.raises(ConfigurationError, match=problem):
        AsyncRedisSource.from_url(f"redis://localhost{query}", "reader")
