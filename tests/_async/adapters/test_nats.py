"""The transport to a stream of JetStream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import DiscardPolicy

from messagebus.adapters.nats import AsyncNatsTransport
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
from tests.adapters.stored import create_stream, documents, letters, on_nats
from tests.servers import NatsServer
from tests.servers.process import answers_with

CAPABILITIES = frozenset(
    {Capability.DEDUPLICATION, Capability.DESTINATION, Capability.SIZE_LIMIT},
)
RULES = async_transport_rules(CAPABILITIES)
ALL_RULES = async_transport_rules({*CAPABILITIES, Capability.OUTAGES})


class NatsHarness(AsyncTransportHarness):
    """A stream that the transport creates."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, stream: str) -> None:
        self.url = f"{url}?stream={stream}&subject={stream}.{{name}}"
        self.server = url
        self.stream = stream

    def transport(self) -> AsyncNatsTransport:
        """Create a transport that gives up soon, since the rules try again."""
        return AsyncNatsTransport.from_url(self.url, create=True, patience=0.2)

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Read the stream."""
        return documents(self.server, self.stream)

    def misdirected(self) -> AsyncNatsTransport:
        """Create a transport to the same stream, which does not exist yet."""
        return AsyncNatsTransport.from_url(self.url)

    def limit(self) -> int:
        """Return the default limit of a server."""
        return 1024 * 1024


class NatsServerHarness(NatsHarness):
    """A stream of a server that may be stopped."""

    capabilities = CAPABILITIES | {Capability.OUTAGES}

    def __init__(self, server: NatsServer) -> None:
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


@pytest.mark.parametrize("rule", RULES)
async def test_nats_keeps_the_contract(rule: Any, nats_url: str, unique_name: str) -> None:
    """Every rule for transports holds."""
    await rule(NatsHarness(nats_url, unique_name))


@pytest.mark.parametrize("rule", [rule for rule in ALL_RULES if rule not in RULES])
async def test_nats_may_come_and_go(rule: Any, own_nats: NatsServer) -> None:
    """Every rule for transports whose broker fails holds."""
    await rule(NatsServerHarness(own_nats))


async def test_a_letter_is_readable_by_anybody(nats_url: str, unique_name: str) -> None:
    """The message is a JSON object, its identifier the header that JetStream knows."""
    message = {"id": "1 ä", "type": "book.read_v12", "tenant": "a", "number": 1, "nothing": None}
    subject = f"{unique_name}.{{tenant}}.{{version}}.{{name}}"
    async with AsyncNatsTransport(nats_url, unique_name, subject, create=True) as transport:
        await transport.send_message_serialized(message)

    (letter,) = letters(nats_url, unique_name)
    assert f"{unique_name}.a.12.book.read" == letter.subject
    assert b'{"id":"1 \xc3\xa4","type":"book.read_v12","tenant":"a","number":1,"nothing":null}' == (
        letter.data
    )
    assert "1%20%C3%A4" == (letter.headers or {})["Nats-Msg-Id"]


async def test_a_created_stream_hears_all_subjects_and_remembers(
    nats_url: str, unique_name: str
) -> None:
    """It is made for the template; a second transport finds it as it is."""
    subject = f"{unique_name}.{{tenant}}.{{name}}"
    for number, remember in enumerate((300.0, 30.0)):
        async with AsyncNatsTransport(
            nats_url, unique_name, subject, create=True, deduplicate_for=remember
        ) as transport:
            message = {"id": str(number), "type": "read_v1", "tenant": str(number)}
            await transport.send_message_serialized(message)

    info = on_nats(nats_url, lambda jetstream: jetstream.stream_info(unique_name))
    assert [f"{unique_name}.*.>"] == info.config.subjects
    assert 300 == info.config.duplicate_window
    assert 2 == info.state.messages


async def test_a_stream_that_somebody_created_needs_nothing(
    nats_url: str, unique_name: str
) -> None:
    """The error says how to create it; after it, the same transport sends."""
    messages = new_messages(2)
    async with AsyncNatsTransport(nats_url, unique_name, f"{unique_name}.{{name}}") as transport:
        with pytest.raises(StreamMissingError) as missing:
            await transport.send_message_serialized(messages[0])
        create_stream(nats_url, unique_name)
        await transport.send_messages_serialized(messages)

    assert unique_name == missing.value.stream
    assert (
        f"nats stream add {unique_name} --subjects '{unique_name}.>'"
        in (missing.value.__notes__[0])
    )
    assert messages == documents(nats_url, unique_name)


async def test_a_stream_that_is_deleted_is_missing(nats_url: str, unique_name: str) -> None:
    """It is not only looked for in the beginning; the same transport finds the next one."""
    messages = new_messages(4)
    async with AsyncNatsTransport(nats_url, unique_name, f"{unique_name}.{{name}}") as transport:
        create_stream(nats_url, unique_name)
        await transport.send_messages_serialized(messages[:2])
        on_nats(nats_url, lambda jetstream: jetstream.delete_stream(unique_name))
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages[2:])
        create_stream(nats_url, unique_name)
        await transport.send_messages_serialized(messages[2:])

    assert 0 == failure.value.sent
    assert isinstance(failure.value.__cause__, StreamMissingError)
    assert messages[2:] == documents(nats_url, unique_name)


async def test_a_subject_that_the_stream_does_not_hear_is_refused(
    nats_url: str, unique_name: str
) -> None:
    """One such message keeps none of the others from being sent."""
    messages = new_messages(3)
    messages[1]["type"] = "letter_sent_v1"
    create_stream(nats_url, unique_name)
    async with AsyncNatsTransport(nats_url, unique_name, f"{unique_name}.{{name}}") as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)
        await transport.send_messages_serialized(messages[2:])

    rejection = failure.value.__cause__
    assert 1 == failure.value.sent
    assert isinstance(rejection, MessageRejectedError)
    assert messages[1] == rejection.message
    assert f"does not listen to '{unique_name}.letter_sent'" in rejection.reason
    assert [messages[0], messages[2]] == documents(nats_url, unique_name)


async def test_a_subject_that_another_stream_hears_is_refused(
    nats_url: str, unique_name: str
) -> None:
    """A message never gets into a stream that was not meant."""
    create_stream(nats_url, unique_name)
    other = f"{unique_name}_other"
    create_stream(nats_url, other, subjects=[f"{unique_name}.letter_sent"])
    message = {**new_messages(1)[0], "type": "letter_sent_v1"}
    async with AsyncNatsTransport(nats_url, unique_name, f"{unique_name}.{{name}}") as transport:
        with pytest.raises(MessageRejectedError, match="stream"):
            await transport.send_message_serialized(message)

    assert [] == documents(nats_url, other)


async def test_a_message_that_the_stream_finds_too_large_is_refused(
    nats_url: str, unique_name: str
) -> None:
    """The limit of a stream may be lower than that of the server."""
    messages = new_messages(3)
    messages[1]["payload"] = "x" * 2_000
    create_stream(nats_url, unique_name, max_msg_size=1_000)
    async with AsyncNatsTransport(nats_url, unique_name, f"{unique_name}.{{name}}") as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)

    assert 1 == failure.value.sent
    assert isinstance(failure.value.__cause__, MessageRejectedError)
    assert [messages[0], messages[2]] == documents(nats_url, unique_name)


async def test_a_subject_that_the_server_cannot_read_is_refused(
    nats_url: str, unique_name: str
) -> None:
    """It would close the connection again and again, and no later message would ever be sent."""
    longest = 3_000 - len(f"{unique_name}.")
    messages = [{**new_messages(1)[0], "type": "ä" * (size // 2)} for size in (longest, 5_000)]
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", create=True
    ) as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)

    assert 1 == failure.value.sent
    assert isinstance(failure.value.__cause__, MessageRejectedError)
    assert messages[:1] == documents(nats_url, unique_name)


async def test_a_full_stream_is_an_outage(nats_url: str, unique_name: str) -> None:
    """No room is no fault of the message: it can be sent when there is some."""
    messages = new_messages(4)
    create_stream(nats_url, unique_name, max_msgs=2, discard=DiscardPolicy.NEW)
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=0
    ) as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)
        on_nats(nats_url, lambda jetstream: jetstream.purge_stream(unique_name))
        await transport.send_messages_serialized(messages[2:])

    assert 2 == failure.value.sent
    assert isinstance(failure.value.__cause__, TransportUnavailableError)
    assert messages[2:] == documents(nats_url, unique_name)


async def test_what_a_full_stream_refuses_comes_behind_what_still_fits(
    nats_url: str, unique_name: str
) -> None:
    """Nothing is lost or doubled, but the order of a bundle is: later messages had room."""
    messages = [*new_messages(1), *new_messages(1, "x" * 3_000), *new_messages(2)]
    create_stream(nats_url, unique_name, max_bytes=3_000, discard=DiscardPolicy.NEW)
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=0
    ) as transport:
        with pytest.raises(BatchSendError) as failure:
            await transport.send_messages_serialized(messages)
        room: dict[str, Any] = {"subjects": [f"{unique_name}.parcel_sent"], "max_bytes": 30_000}
        on_nats(nats_url, lambda jetstream: jetstream.update_stream(name=unique_name, **room))
        await transport.send_messages_serialized(messages[1:])

    assert 1 == failure.value.sent
    first, large, *others = messages
    assert [first, *others, large] == documents(nats_url, unique_name)


@pytest.mark.parametrize("size", [1, 300_000])
async def test_a_server_that_does_not_answer_is_an_outage(size: int, own_nats: NatsServer) -> None:
    """Waiting ends at the time limit; what the server does later is not doubled."""
    messages = new_messages(30, "x" * size)
    async with AsyncNatsTransport(
        own_nats.url, "events", "events.{name}", create=True, patience=0, timeout=0.3
    ) as transport:
        await send_until_confirmed(transport, messages[:10])
        own_nats.freeze()
        for _ in range(2):
            with pytest.raises(BatchSendError) as failure:
                await transport.send_messages_serialized(messages[10:])
            assert 0 == failure.value.sent
            assert isinstance(failure.value.__cause__, TransportUnavailableError)
        own_nats.thaw()
        await send_until_confirmed(transport, messages[10:])

    assert messages == documents(own_nats.url, "events")


class PlainServer(NatsServer):
    """A server that stores nothing."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Leave out the options of JetStream."""
        return [word for word in super().command(port) if word != "-js"]

    def answers(self, port: int) -> bool:
        """Return whether the server greets."""
        return answers_with(port, b"", b"INFO")


async def test_a_server_without_jetstream_is_reported() -> None:
    """Without it, no one would confirm that a message is stored."""
    with PlainServer() as server:
        async with AsyncNatsTransport(server.url, "events", "events", patience=0) as transport:
            with pytest.raises(TransportUnavailableError, match=r"JetStream .* enabled"):
                await transport.send_message_serialized(new_messages(1)[0])


async def test_any_server_of_several_will_do(own_nats: NatsServer) -> None:
    """An absent server is skipped."""
    messages = new_messages(1)
    host = own_nats.url.removeprefix("nats://")
    url = f"nats://127.0.0.1:1,{host}?stream=events&subject=events&create=yes"
    async with AsyncNatsTransport.from_url(url) as transport:
        await transport.send_messages_serialized(messages)

    assert messages == documents(own_nats.url, "events")


async def test_another_server_of_several_takes_over(own_nats: NatsServer) -> None:
    """Whichever stops, and also if it refuses the user while another does not."""
    messages = new_messages(4)
    users = 'authorization { users = [{ user: app, password: "pw" }] }'
    with NatsServer(users) as other, NatsServer(users) as refusing:
        urls = [own_nats.url, other.url.replace("//", "//app:pw@"), refusing.url]
        async with AsyncNatsTransport(
            urls, "events", "events.{name}", create=True, patience=0, timeout=15
        ) as transport:
            await transport.send_message_serialized(messages[0])
            own_nats.stop()
            await send_until_confirmed(transport, messages[1:2])
            own_nats.start()
            other.stop()
            await send_until_confirmed(transport, messages[2:3])
            await transport.connect()
        other.start()
        stored = documents(own_nats.url, "events") + documents(urls[1], "events")

    assert {message["id"] for message in messages[:3]} == {message["id"] for message in stored}


async def test_further_options_are_for_the_client(nats_url: str, unique_name: str) -> None:
    """Options that the transport does not know go to the client, which reports mistakes."""
    async with AsyncNatsTransport(
        nats_url, unique_name, unique_name, options={"colour": "red"}
    ) as transport:
        with pytest.raises(TypeError, match="colour"):
            await transport.send_messages_serialized(new_messages(1))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?stream=a",
        "?subject=a",
        "?stream=a&subject=a&create=maybe",
        "?stream=a&subject=a&colour=red",
        "?stream=a&subject=a b",
        "?stream=a&subject=a.{",
        "?stream=a&subject=a.*",
        "?stream=a.b&subject=a",
        "?stream=a%20b&subject=a",
        "?stream=*&subject=a",
        "?stream=&subject=a",
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query: str) -> None:
    """Mistakes are found before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"stream|subject|create|colour"):
        AsyncNatsTransport.from_url(f"nats://localhost{query}")
