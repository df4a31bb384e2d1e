"""What the errors of NATS mean, made by real servers."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from nats.js.api import DiscardPolicy, StreamSource

from messagebus.adapters.nats import AsyncNatsTransport
from messagebus.exceptions import (
    ConfigurationError,
    MessageRejectedError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import create_stream, documents, on_nats
from tests.servers import NatsServer
from tests.servers.process import free_port

pytestmark = pytest.mark.server

PAGE = Path(__file__).parents[3] / "docs" / "durability" / "transports.md"
(DOCUMENTED,) = re.findall(r"^users = \[.*?^\]$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
ADMIN = '{ user: admin, password: "pw" }'


def server_with(*users: str) -> NatsServer:
    """Return a server with an admin and other users."""
    return NatsServer(f"authorization {{ users = [{', '.join([ADMIN, *users])}] }}")


def as_user(server: NatsServer, user: str) -> str:
    """Return the URL of a server with a user."""
    return server.url.replace("//", f"//{user}@")


@pytest.mark.parametrize("password", ["p@ss", "a/b", "a#b?c", "a%b", "a:b,c", "ä €", "p%40ss"])
async def test_user_and_password_may_be_encoded(password: str) -> None:
    """Each server of a list has its own, and what stands first need not be there."""
    user = "us@er"
    with server_with(f'{{ user: "{user}", password: "{password}" }}') as server:
        login = f"{quote(user)}:{quote(password, safe='')}"
        url = f"nats://x:y@127.0.0.1:1,{login}@127.0.0.1:{server.port}"
        async with AsyncNatsTransport.from_url(f"{url}?stream=S&subject=s&create=yes") as transport:
            await transport.connect()
            await transport.send_message_serialized({"id": "1"})


async def test_a_token_may_be_encoded() -> None:
    """It stands where the user does."""
    with NatsServer('authorization { token: "t@k/n" }') as server:
        url = as_user(server, quote("t@k/n", safe=""))
        async with AsyncNatsTransport(url, "S", "s", create=True) as transport:
            await transport.send_message_serialized({"id": "1"})


@pytest.mark.parametrize("login", ["", "app:wrong@", "nobody:secret@", "app@"])
async def test_a_refused_user_is_not_waited_for(login: str) -> None:
    """The answer of the server is in the error, and no part of the password."""
    with server_with('{ user: app, password: "secret" }') as server:
        url = server.url.replace("//", f"//{login}")
        async with AsyncNatsTransport(url, "S", "s", create=True, patience=60) as transport:
            for attempt in (
                partial(transport.send_message_serialized, {"id": "1"}),
                transport.connect,
            ):
                with pytest.raises(TransportRefusedError, match="Authorization Violation") as error:
                    await attempt()
                assert "wrong" not in str(error.value)


@pytest.mark.parametrize(
    ("denied", "violation"),
    [
        ('subscribe: { deny: "_INBOX.>" }', 'Subscription to "_INBOX.'),
        ('publish: { deny: "$JS.API.STREAM.INFO.Shop" }', 'Publish to "$JS.API.STREAM.INFO.Shop"'),
        ('publish: { deny: "$JS.API.STREAM.CREATE.>" }', 'Publish to "$JS.API.STREAM.CREATE.Shop"'),
    ],
)
async def test_a_missing_right_is_named_at_once(denied: str, violation: str) -> None:
    """With the text of the server; no message is at fault, and a reload of the rights helps."""
    with server_with(f'{{ user: app, password: "pw", permissions: {{ {denied} }} }}') as server:
        async with AsyncNatsTransport(
            as_user(server, "app:pw"), "Shop", "Shop.{name}", create=True, patience=60, timeout=30
        ) as transport:
            for attempt in (
                partial(transport.send_message_serialized, new_messages(1)[0]),
                transport.connect,
            ):
                with pytest.raises(TransportRefusedError) as failure:
                    await attempt()
                assert f"NATS: Permissions Violation for {violation}" in str(failure.value)


async def test_a_right_to_publish_that_is_missing_is_named_at_once() -> None:
    """The subject is in the error; others are sent before, and it can be sent when it may be."""
    denied = 'permissions: { publish: { deny: "Shop.parcel_Sent" } }'
    messages = new_messages(3)
    messages[1]["type"] = "parcel_Sent_v1"
    with server_with(f'{{ user: app, password: "pw", {denied} }}') as server:
        async with AsyncNatsTransport(
            as_user(server, "app:pw"), "Shop", "Shop.{name}", create=True, patience=60, timeout=30
        ) as transport:
            await transport.connect()
            with pytest.raises(TransportRefusedError) as failure:
                await transport.send_message_serialized(messages[1])
            await transport.send_message_serialized(messages[2])

    assert 'Permissions Violation for Publish to "Shop.parcel_Sent"' in str(failure.value)


@pytest.mark.parametrize("create", [True, False])
async def test_the_documented_rights_are_enough(create: bool) -> None:
    """For connecting and sending; without the right to create, if the stream is there."""
    messages = new_messages(3)
    users = DOCUMENTED.replace("users = [", "").rstrip("]")
    if not create:
        users = users.replace(', "$JS.API.STREAM.CREATE.SHOP"', "")
    with server_with(users) as server:
        if not create:
            create_stream(as_user(server, "admin:pw"), "SHOP", subjects=["shop.>"])
        async with AsyncNatsTransport(
            as_user(server, "relay:password"), "SHOP", "shop.{name}", create=create
        ) as transport:
            await transport.connect()
            await transport.send_messages_serialized(messages)
        assert messages == documents(as_user(server, "admin:pw"), "SHOP")


async def test_a_stream_that_hears_none_of_the_subjects_is_reported(
    nats_url: str, unique_name: str
) -> None:
    """At once, when connecting; the same transport connects when the stream has the subjects."""
    create_stream(nats_url, unique_name, subjects=[f"{unique_name}.other"])
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}_.{{name}}", patience=60
    ) as transport:
        with pytest.raises(StreamMissingError, match="does not listen to") as failure:
            await transport.connect()
        subjects = [f"{unique_name}_.parcel_sent"]
        on_nats(nats_url, lambda stream: stream.update_stream(name=unique_name, subjects=subjects))
        await transport.connect()

    assert unique_name == failure.value.stream


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_stream_that_hears_none_of_the_subjects_rejects_no_message(
    elsewhere: bool, nats_url: str, unique_name: str
) -> None:
    """Every message would be rejected; it is the configuration, also if another stream hears it."""
    create_stream(nats_url, unique_name, subjects=[f"{unique_name}.other"])
    if elsewhere:
        create_stream(nats_url, f"{unique_name}_", subjects=[f"{unique_name}_.>"])
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}_.{{name}}", patience=60
    ) as transport:
        with pytest.raises(StreamMissingError, match="does not listen to"):
            await transport.send_message_serialized(new_messages(1)[0])


async def test_a_stream_that_confirms_nothing_is_refused(nats_url: str, unique_name: str) -> None:
    """Nobody would know that a message is stored."""
    create_stream(nats_url, unique_name, no_ack=True)
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=60
    ) as transport:
        for attempt in (
            partial(transport.send_message_serialized, new_messages(1)[0]),
            transport.connect,
        ):
            with pytest.raises(TransportRefusedError, match="confirms no message"):
                await attempt()


async def test_a_port_for_other_servers_is_refused() -> None:
    """The server says for whom it is."""
    port = free_port()
    with NatsServer(f'leafnodes {{ listen: "127.0.0.1:{port}" }}'):
        async with AsyncNatsTransport(f"nats://127.0.0.1:{port}", "S", "s") as transport:
            with pytest.raises(TransportRefusedError, match="leaf node port"):
                await transport.connect()


async def test_a_missing_stream_is_reported_when_connecting(
    nats_url: str, unique_name: str
) -> None:
    """At once, with the command that creates it; nothing is created."""
    async with AsyncNatsTransport(nats_url, unique_name, unique_name, patience=60) as transport:
        with pytest.raises(StreamMissingError):
            await transport.connect()
        async with AsyncNatsTransport(nats_url, unique_name, unique_name, create=True) as other:
            await other.connect()
        await transport.connect()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid", "127.0.0.1:1,127.0.0.1:2"])
async def test_a_server_that_is_not_there_is_reported_at_once(host: str) -> None:
    """Connecting waits for nothing; whoever calls it decides that."""
    url = f"nats://{host}?stream=S&subject=s&patience=60"
    async with AsyncNatsTransport.from_url(url) as transport:
        with pytest.raises(TransportUnavailableError, match=r"Errno|Connect call failed") as error:
            await transport.connect()
    assert not isinstance(error.value, TransportRefusedError)


async def test_a_mirror_takes_no_messages(nats_url: str, unique_name: str) -> None:
    """The error says of which stream, and comes at once."""
    origin = f"{unique_name}_origin"
    create_stream(nats_url, origin)
    mirror = StreamSource(name=origin)
    on_nats(nats_url, lambda stream: stream.add_stream(name=unique_name, mirror=mirror))
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=60
    ) as transport:
        for attempt in (
            partial(transport.send_message_serialized, new_messages(1)[0]),
            transport.connect,
        ):
            with pytest.raises(TransportRefusedError, match="is a mirror") as failure:
                await attempt()
            assert origin in failure.value.__notes__[0]


async def test_a_sealed_stream_takes_no_messages(nats_url: str, unique_name: str) -> None:
    """Neither for a transport that was connected before, nor for a new one."""
    create_stream(nats_url, unique_name)
    message = new_messages(1)[0]
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=60
    ) as transport:
        await transport.connect()
        subjects = [f"{unique_name}.parcel_sent"]
        sealed: dict[str, Any] = {"name": unique_name, "subjects": subjects, "sealed": True}
        on_nats(nats_url, lambda stream: stream.update_stream(**sealed))
        for attempt in (partial(transport.send_message_serialized, message), transport.connect):
            with pytest.raises(TransportRefusedError, match="sealed"):
                await attempt()


async def test_subjects_of_another_stream_are_refused(nats_url: str, unique_name: str) -> None:
    """The stream cannot be created for them."""
    create_stream(nats_url, f"{unique_name}_other", subjects=[f"{unique_name}.>"])
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", create=True, patience=60
    ) as transport:
        with pytest.raises(TransportRefusedError, match=r"subjects overlap .* \(error 10065\)"):
            await transport.connect()


async def test_settings_that_the_server_refuses_are_reported(
    nats_url: str, unique_name: str
) -> None:
    """A window for duplicates may be too short for it."""
    async with AsyncNatsTransport(
        nats_url, unique_name, unique_name, create=True, deduplicate_for=0.001, patience=60
    ) as transport:
        with pytest.raises(TransportRefusedError, match=r"duplicates window .* \(error 10052\)"):
            await transport.connect()


async def test_the_limits_of_an_account_are_an_outage() -> None:
    """No room is no fault of a message; too many streams are one of the configuration."""
    account = (
        '{ users = [{ user: app, password: "pw" }], jetstream { max_file: 2K, max_streams: 1 } }'
    )
    with NatsServer(f"accounts {{ A {account} }}") as server:
        url = as_user(server, "app:pw")
        async with AsyncNatsTransport(url, "S", "s", create=True, patience=0) as transport:
            with pytest.raises(
                TransportUnavailableError, match=r"limits exceeded .* 10002"
            ) as full:
                for number in range(10):
                    await transport.send_message_serialized({"id": number, "text": "x" * 500})
        async with AsyncNatsTransport(url, "T", "t", create=True, patience=60) as transport:
            with pytest.raises(TransportRefusedError, match=r"maximum number of streams .* 10027"):
                await transport.connect()
    assert not isinstance(full.value, TransportRefusedError)


async def test_an_account_without_jetstream_is_refused() -> None:
    """The reason of the server is in the error."""
    accounts = (
        'accounts { A { users = [{ user: app, password: "pw" }] }, B { jetstream: enabled } }'
    )
    with NatsServer(accounts) as server:
        async with AsyncNatsTransport(
            as_user(server, "app:pw"), "S", "s", patience=60
        ) as transport:
            with pytest.raises(TransportRefusedError, match=r"not enabled for account .* 10039"):
                await transport.connect()


async def test_a_message_that_a_stream_never_takes_is_rejected(
    nats_url: str, unique_name: str
) -> None:
    """It is the message that is too large, for the stream as it is; a full one is an outage."""
    create_stream(nats_url, unique_name, max_msg_size=200, max_msgs=1, discard=DiscardPolicy.NEW)
    async with AsyncNatsTransport(
        nats_url, unique_name, f"{unique_name}.{{name}}", patience=0
    ) as transport:
        with pytest.raises(MessageRejectedError, match=r"size exceeds .* \(error 10054\)"):
            await transport.send_message_serialized({"type": "parcel_sent_v1", "text": "x" * 300})
        await transport.send_message_serialized({"type": "parcel_sent_v1"})
        with pytest.raises(TransportUnavailableError, match=r"maximum messages .* \(error 10077\)"):
            await transport.send_message_serialized({"type": "parcel_sent_v1"})


@pytest.mark.parametrize("servers", [[], "", "nats://", "nats://:4222", "nats://a:p@ss@host"])
def test_a_server_without_a_name_is_refused(servers: Any) -> None:
    """When the transport is made."""
    with pytest.raises(ConfigurationError):
        AsyncNatsTransport(servers, "S", "s")
