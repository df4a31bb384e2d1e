"""The transport to a stream of Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.redis import AsyncRedisTransport
from messagebus.adapters.redis._compat.aio import AsyncRedis
from messagebus.exceptions import (
    BatchSendError,
    ConfigurationError,
    MessageRejectedError,
    StreamMissingError,
    TransportUnavailableError,
)
from messagebus.testing.transport import AsyncTransportHarness, Capability, async_transport_rules
from messagebus.testing.transport._async.retrying import send_until_confirmed
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import entries, in_redis
from tests.servers import RedisServer

CAPABILITIES = frozenset({Capability.DEDUPLICATION, Capability.DESTINATION})
RULES = async_transport_rules(CAPABILITIES)
ALL_RULES = async_transport_rules({*CAPABILITIES, Capability.OUTAGES})


class RedisHarness(AsyncTransportHarness):
    """A stream that the transport creates."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, stream: str) -> None:
        self.url = url
        self.stream = stream

    def transport(self) -> AsyncRedisTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncRedisTransport.from_url(self.url, stream=self.stream, create=True, patience=0.2)

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Read the stream."""
        return entries(self.url, self.stream)

    def misdirected(self) -> AsyncRedisTransport:
        """Create a transport to the same stream, which does not exist yet."""
        return AsyncRedisTransport.from_url(self.url, stream=self.stream)


class RedisServerHarness(RedisHarness):
    """A stream of a server that may be stopped."""

    capabilities = CAPABILITIES | {Capability.OUTAGES}

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server.url, "events")
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


@pytest.mark.parametrize("rule", RULES)
async def test_redis_keeps_the_contract(rule: Any, redis_url: str, unique_name: str) -> None:
    """Every rule for transports holds."""
    await rule(RedisHarness(redis_url, unique_name))


@pytest.mark.parametrize("rule", [rule for rule in ALL_RULES if rule not in RULES])
async def test_redis_may_come_and_go(rule: Any, own_redis: RedisServer) -> None:
    """Every rule for transports whose broker fails holds."""
    await rule(RedisServerHarness(own_redis))


async def test_an_entry_is_readable_by_anybody(redis_url: str, unique_name: str) -> None:
    """Each key of the message is a field; a string is unchanged, any other value is JSON."""
    message = {"id": "1", "text": 'a "b" ä', "number": 1, "nothing": None, "parts": [{"ä": 1.5}]}
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        await sender.send_message_serialized(message)

    expected = {"id": "1", "text": 'a "b" ä', "number": "1", "nothing": "null"}
    assert [{**expected, "parts": '[{"ä":1.5}]'}] == entries(redis_url, unique_name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "".join(map(chr, range(0xD800))),
        "\ue000\ufffd\uffff\U00010000\U0001f600\U0010ffff",
        '{"a": "\\u0000 \\ud800 \\n \\\\"}',
        "[[1, 2], [3.0, 1e400]]",
        '"\\' * 500_000,
    ],
    ids=["empty", "low", "high", "escapes", "brackets", "long"],
)
async def test_a_text_arrives_byte_for_byte(text: str, redis_url: str, unique_name: str) -> None:
    """Whatever it consists of, be it the name of a field or its value."""
    message = {"id": "1", "text": text, f"field {text}": "1", "parts": [text]}
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        await sender.send_message_serialized(message)

    parts = json.dumps([text], ensure_ascii=False, separators=(",", ":"))
    expected = {"id": "1", "text": text, f"field {text}": "1", "parts": parts}
    assert [expected] == entries(redis_url, unique_name)


async def test_a_text_that_is_not_unicode_is_refused(redis_url: str, unique_name: str) -> None:
    """Half a character has no bytes."""
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        with pytest.raises(MessageRejectedError, match="surrogates"):
            await sender.send_message_serialized({"id": "1", "text": "\ud800"})

    assert [] == entries(redis_url, unique_name)


async def test_a_stream_that_somebody_created_needs_nothing(
    redis_url: str, unique_name: str
) -> None:
    """The advice of the error works: after it, the same transport sends."""
    messages = new_messages(2)
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name) as transport:
        with pytest.raises(StreamMissingError) as missing:
            await transport.send_message_serialized(messages[0])
        with in_redis(redis_url) as client:
            client.xgroup_create(unique_name, "readers", mkstream=True)
        await transport.send_messages_serialized(messages)

    assert unique_name == missing.value.stream
    assert f"XGROUP CREATE {unique_name} <group> $ MKSTREAM" in missing.value.__notes__[0]
    assert messages == entries(redis_url, unique_name)


async def test_what_is_no_stream_is_reported_and_remembered_as_nothing(
    redis_url: str, unique_name: str
) -> None:
    """A message that could not be appended is no duplicate when it is sent again."""
    messages = new_messages(2)
    with in_redis(redis_url) as client:
        client.set(unique_name, "a text")
        async with AsyncRedisTransport.from_url(
            redis_url, stream=unique_name, create=True, patience=0
        ) as transport:
            with pytest.raises(BatchSendError) as failure:
                await transport.send_messages_serialized(messages)
            client.delete(unique_name)
            await transport.send_messages_serialized(messages)

    assert 0 == failure.value.sent
    assert isinstance(failure.value.__cause__, TransportUnavailableError)
    assert "WRONGTYPE" in str(failure.value.__cause__)
    assert messages == entries(redis_url, unique_name)


async def test_messages_of_a_key_are_in_one_of_several_streams(
    redis_url: str, unique_name: str
) -> None:
    """Each stream has its part in order, and those without a key are in the first."""
    messages = new_messages(60)
    for number, message in enumerate(messages[:50]):
        message["ordering_key"] = f"parcel {number % 10}"
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, partitions=3
    ) as sender:
        await sender.send_messages_serialized(messages)
        await sender.send_messages_serialized(messages)  # which are all known

    streams = [entries(redis_url, f"{unique_name}.{number}") for number in range(3)]
    assert messages[50:] == streams[0][-10:]
    assert all(streams)
    for stream in streams:
        ours = [message for message in messages if message in stream]
        assert ours == stream
    assert 60 == sum(map(len, streams))


async def test_a_stream_that_is_missing_among_several_stops_only_its_messages(
    redis_url: str, unique_name: str
) -> None:
    """What was confirmed before its first message counts, and nothing after it is lost."""
    messages = new_messages(20)
    for number, message in enumerate(messages[1:]):
        message["ordering_key"] = f"parcel {number}"
    with in_redis(redis_url) as client:
        client.xgroup_create(f"{unique_name}.0", "readers", mkstream=True)
        async with AsyncRedisTransport.from_url(
            redis_url, stream=unique_name, partitions=2
        ) as sender:
            with pytest.raises(StreamMissingError, match=rf"{unique_name}\.1"):
                await sender.connect()
            with pytest.raises(BatchSendError) as failure:
                await sender.send_messages_serialized(messages)
            client.xgroup_create(f"{unique_name}.1", "readers", mkstream=True)
            await sender.send_messages_serialized(messages[failure.value.sent :])

    streams = [entries(redis_url, f"{unique_name}.{number}") for number in range(2)]
    assert 0 < failure.value.sent < 20
    assert 20 == sum(map(len, streams))


async def test_a_full_server_is_an_outage(own_redis: RedisServer) -> None:
    """No memory is no fault of the message: it can be sent when there is some."""
    messages = new_messages(2)
    async with AsyncRedisTransport.from_url(
        own_redis.url, stream="events", create=True, patience=0
    ) as transport:
        with in_redis(own_redis.url) as client:
            client.config_set("maxmemory", 1)
            with pytest.raises(TransportUnavailableError, match="OOM"):
                await transport.send_message_serialized(messages[0])
            client.config_set("maxmemory", 0)
        await transport.send_messages_serialized(messages)

    assert messages == entries(own_redis.url, "events")


@pytest.mark.parametrize("size", [1, 300_000])
async def test_a_server_that_does_not_answer_is_an_outage(
    size: int, own_redis: RedisServer
) -> None:
    """Waiting ends at the time limit; what the server does later is not doubled."""
    messages = new_messages(30, "x" * size)
    async with AsyncRedisTransport.from_url(
        own_redis.url, stream="events", create=True, patience=0, timeout=0.3
    ) as transport:
        await send_until_confirmed(transport, messages[:10])
        own_redis.freeze()
        for _ in range(2):
            with pytest.raises(BatchSendError) as failure:
                await transport.send_messages_serialized(messages[10:])
            assert 0 == failure.value.sent
            assert isinstance(failure.value.__cause__, TransportUnavailableError)
        own_redis.thaw()
        await send_until_confirmed(transport, messages[10:])

    assert messages == entries(own_redis.url, "events")


async def test_duplicates_are_kept_when_nothing_is_remembered(
    redis_url: str, unique_name: str
) -> None:
    """Without a time to remember, the server has no keys but the stream."""
    messages = new_messages(1)
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, deduplicate_for=0
    ) as transport:
        await transport.send_messages_serialized(messages * 2)

    assert messages * 2 == entries(redis_url, unique_name)
    with in_redis(redis_url) as client:
        assert [unique_name] == client.keys(f"*{unique_name}*")


async def test_a_message_is_remembered_for_as_long_as_was_asked(
    redis_url: str, unique_name: str
) -> None:
    """The key that remembers it has that time to live, and the message is new without it."""
    messages = new_messages(1)
    with in_redis(redis_url) as client:
        async with AsyncRedisTransport.from_url(
            redis_url, stream=unique_name, create=True, deduplicate_for=3600
        ) as transport:
            await transport.send_messages_serialized(messages * 2)
            key = f"{{{unique_name}}}:{messages[0]['id']}"
            assert 3000 < client.ttl(key) <= 3600
            client.delete(key)
            await transport.send_messages_serialized(messages * 2)

    assert messages * 2 == entries(redis_url, unique_name)


async def test_messages_without_an_identifier_are_all_stored(
    redis_url: str, unique_name: str
) -> None:
    """Nothing is known about them by which they could be duplicates."""
    messages: list[dict[str, Any]] = [{"type": "a"}, {"type": "a", "id": None}] * 2
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        await sender.send_messages_serialized(messages)

    assert 4 == len(entries(redis_url, unique_name))


@pytest.mark.parametrize("fields", [0, 1_001])
async def test_a_message_of_no_or_too_many_fields_is_refused(
    fields: int, redis_url: str, unique_name: str
) -> None:
    """A message that cannot become an entry is not sent at all."""
    message = {str(number): "" for number in range(fields)}
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        with pytest.raises(MessageRejectedError, match=f"{fields} fields"):
            await sender.send_message_serialized(message)

    assert [] == entries(redis_url, unique_name)


async def test_a_stream_is_only_trimmed_when_asked(redis_url: str, unique_name: str) -> None:
    """Entries that no one has read yet must not disappear."""
    messages = new_messages(1_000)
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, create=True) as sender:
        await sender.send_messages_serialized(messages)

    assert 1_000 == len(entries(redis_url, unique_name))


async def test_a_stream_is_trimmed_to_about_a_length(redis_url: str, unique_name: str) -> None:
    """The latest entries are there, and perhaps some before them."""
    messages = new_messages(1_000)
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, max_length=100
    ) as transport:
        await transport.send_messages_serialized(messages)

    left = entries(redis_url, unique_name)
    assert 100 <= len(left) < 300
    assert messages[-len(left) :] == left


async def test_a_stream_is_trimmed_by_age(redis_url: str, unique_name: str) -> None:
    """Entries older than the limit are deleted, and no others."""
    messages = new_messages(10)
    with in_redis(redis_url) as client:
        for number in range(300):
            client.xadd(unique_name, {"old": "1"}, id=f"{number + 1}-1")  # early in 1970
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name, max_age=3600) as sender:
        await sender.send_messages_serialized(messages[:5])
        await sender.send_messages_serialized(messages[5:])

    assert messages == entries(redis_url, unique_name)


@pytest.mark.parametrize("decode", [False, True])
async def test_the_client_of_somebody_else_stays_open(
    decode: bool, redis_url: str, unique_name: str
) -> None:
    """A transport uses a given client unchanged and does not close it."""
    messages = new_messages(2)
    client: Any = AsyncRedis.from_url(redis_url, decode_responses=decode)
    connection = await client.client_id()
    async with AsyncRedisTransport(client, unique_name) as transport:
        with pytest.raises(StreamMissingError):
            await transport.send_message_serialized(messages[0])
    async with AsyncRedisTransport(client, unique_name, create=True) as transport:
        await transport.send_messages_serialized(messages)

    assert connection == await client.client_id()
    assert messages == entries(redis_url, unique_name)
    await client.aclose()


async def test_a_server_that_forgot_the_script_is_told_again(own_redis: RedisServer) -> None:
    """Flushing the scripts of a server loses nothing."""
    messages = new_messages(2)
    async with AsyncRedisTransport.from_url(
        own_redis.url, stream="events", create=True, patience=0
    ) as transport:
        await transport.send_message_serialized(messages[0])
        with in_redis(own_redis.url) as client:
            client.script_flush()
        await transport.send_message_serialized(messages[1])

    assert messages == entries(own_redis.url, "events")


async def test_options_come_from_the_url_or_from_the_call(redis_url: str, unique_name: str) -> None:
    """The call takes precedence; options of the client are passed to it."""
    messages = new_messages(1)
    url = f"{redis_url}?stream=other&create=true&deduplicate_for=0&client_name=relay"
    async with AsyncRedisTransport.from_url(url, stream=unique_name) as transport:
        await transport.send_messages_serialized(messages * 2)
        with in_redis(redis_url) as client:
            assert "relay" in {each["name"] for each in client.client_list()}

    assert messages * 2 == entries(redis_url, unique_name)


@pytest.mark.parametrize("query", ["", "?stream=a&create=maybe", "?stream=a&max_length=ten"])
def test_a_url_that_makes_no_sense_is_refused(query: str) -> None:
    """Mistakes are found before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"stream|create|max_length"):
        AsyncRedisTransport.from_url(f"redis://localhost{query}")
