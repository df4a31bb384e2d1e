"""What the errors of Redis mean, made by real servers."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from messagebus.adapters.redis import AsyncRedisTransport
from messagebus.exceptions import (
    BatchSendError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import entries, in_redis
from tests.servers import RedisServer

Break = Callable[[Any, RedisServer], object]

pytestmark = pytest.mark.server

PAGE = Path(__file__).parents[3] / "docs" / "durability" / "transports.md"
DOCUMENTED = re.findall(r"^ACL SETUSER relay .*$", PAGE.read_text(), re.MULTILINE)[0]
RIGHTS = re.findall(r" \+(\S+)", DOCUMENTED)


def fill_the_memory(admin: Any, server: RedisServer) -> None:
    """Leave no memory."""
    admin.config_set("maxmemory", 1)


def become_a_replica(admin: Any, server: RedisServer) -> None:
    """Do what a failover does to the old primary."""
    admin.replicaof("127.0.0.1", 1)


def become_a_stale_replica(admin: Any, server: RedisServer) -> None:
    """Refuse to answer with old data."""
    admin.config_set("replica-serve-stale-data", "no")
    admin.replicaof("127.0.0.1", 1)


def want_replicas(admin: Any, server: RedisServer) -> None:
    """Write only if there is a replica."""
    admin.config_set("min-replicas-to-write", 1)


def break_the_disk(admin: Any, server: RedisServer) -> None:
    """Let the next snapshot fail."""
    admin.config_set("save", "3600 1")
    shutil.rmtree(server.folder)
    with suppress(redis.ResponseError):
        admin.bgsave()
    deadline = time.monotonic() + 10
    while admin.info("persistence")["rdb_last_bgsave_status"] == "ok":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.folder.mkdir()


def run_a_long_script(admin: Any, server: RedisServer) -> None:
    """Keep the server busy."""
    admin.config_set("busy-reply-threshold", 1)

    def run() -> None:
        with in_redis(server.url) as client, suppress(redis.RedisError):
            client.eval("while true do end", 0)

    threading.Thread(target=run, daemon=True).start()
    with pytest.raises(redis.ResponseError, match="BUSY"):
        while True:
            admin.ping()


def admit_nobody_else(admin: Any, server: RedisServer) -> None:
    """Leave no room for another connection."""
    admin.config_set("maxclients", 1)


@pytest.mark.parametrize(
    ("fail", "answer"),
    [
        (become_a_replica, "READONLY You can't write"),
        (become_a_stale_replica, "MASTERDOWN Link with MASTER is down"),
        (fill_the_memory, "OOM command not allowed"),
        (want_replicas, "NOREPLICAS Not enough good replicas"),
        (run_a_long_script, "BUSY "),
        (break_the_disk, "MISCONF "),
        (admit_nobody_else, "max number of clients reached"),
    ],
)
async def test_a_server_that_cannot_write_now_is_an_outage(
    fail: Break, answer: str, own_redis: RedisServer
) -> None:
    """The error has the answer of the server; nothing is stored, and no message is at fault."""
    message = new_messages(1)[0]
    with in_redis(own_redis.url) as admin:
        fail(admin, own_redis)
        async with AsyncRedisTransport.from_url(
            own_redis.url, stream="events", create=True, patience=0
        ) as transport:
            for attempt in (partial(transport.send_message_serialized, message), transport.connect):
                with pytest.raises(TransportUnavailableError, match=answer) as failure:
                    await attempt()
                assert not isinstance(failure.value, TransportRefusedError)
    own_redis.kill()  # with a busy script or without a disk, it would not stop


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_missing_right_is_named_and_appends_nothing(
    right: str, own_redis: RedisServer
) -> None:
    """However often it is tried, by sending or by connecting; it comes at once."""
    with in_redis(own_redis.url) as admin:
        admin.execute_command(*DOCUMENTED.replace(f" +{right}", "").split())
        url = own_redis.url.replace("//", "//relay:password@")
        async with AsyncRedisTransport.from_url(
            url, stream="shop", create=True, max_age=3600
        ) as transport:
            for attempt in range(3):
                with pytest.raises(TransportRefusedError, match=f"'{re.escape(right)}'"):
                    await transport.connect()
                if right == "type":  # sending asks for it only after an error
                    continue
                messages = new_messages(1) * 2
                messages[0]["id"] = "1"
                with suppress(TransportUnavailableError):
                    await transport.send_message_serialized(messages[0])
                with pytest.raises(BatchSendError) as failure:
                    await transport.send_messages_serialized(messages)
                cause = failure.value.__cause__
                assert isinstance(cause, TransportRefusedError)
                assert f"'{right}'" in str(cause)
                assert (right == "get") >= admin.xlen("shop"), attempt


async def test_the_documented_rights_are_enough(own_redis: RedisServer) -> None:
    """For connecting, sending, recognizing a duplicate and trimming, with every option."""
    messages = new_messages(3)
    with in_redis(own_redis.url) as admin:
        admin.execute_command(*DOCUMENTED.split())
    url = own_redis.url.replace("//", "//relay:password@")
    for limits in ({}, {"max_length": 1_000}, {"max_age": 3_600}):
        async with AsyncRedisTransport.from_url(
            url, stream="shop", create=True, **limits
        ) as transport:
            await transport.connect()
            await transport.send_messages_serialized(messages)
            await transport.send_message_serialized(messages[1])

    assert messages == entries(own_redis.url, "shop")


@pytest.mark.parametrize(
    ("user", "password"), [("app", "wrong"), ("nobody", "secret"), ("app", ""), ("", "wrong")]
)
async def test_a_refused_user_is_not_waited_for(
    user: str, password: str, own_redis: RedisServer
) -> None:
    """The answer of the server is in the error, and no part of the password."""
    with in_redis(own_redis.url) as admin:
        admin.execute_command("ACL SETUSER app on >secret ~* +@all")
        admin.config_set("requirepass", "root")
    url = own_redis.url.replace("//", f"//{user}:{password}@")
    async with AsyncRedisTransport.from_url(url, stream="events", patience=60) as transport:
        for attempt in (partial(transport.send_message_serialized, {"id": "1"}), transport.connect):
            with pytest.raises(TransportRefusedError, match=r"WRONGPASS|NOAUTH") as failure:
                await attempt()
            assert not password or password not in str(failure.value)


async def test_a_key_that_holds_something_else_is_explained(
    redis_url: str, unique_name: str
) -> None:
    """Key, stream, what is there instead and what to do are in the error, which comes at once."""
    with in_redis(redis_url) as client:
        client.set(unique_name, "x")
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, patience=60
    ) as transport:
        for attempt in (partial(transport.send_message_serialized, {"id": "1"}), transport.connect):
            with pytest.raises(TransportRefusedError, match="WRONGTYPE") as failure:
                await attempt()
            for part in (f"stream {unique_name!r}", f"key {unique_name!r}", "a string", "another"):
                assert part in str(failure.value)


async def test_a_key_of_a_message_that_holds_something_else_is_explained(
    redis_url: str, unique_name: str
) -> None:
    """Somebody else uses the key that would remember a message."""
    with in_redis(redis_url) as client:
        client.rpush(f"{{{unique_name}}}:1", "x")
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, patience=60
    ) as transport:
        with pytest.raises(TransportRefusedError, match=rf"{unique_name}\}}:1'.* a list"):
            await transport.send_message_serialized({"id": "1"})
    assert [] == entries(redis_url, unique_name)


async def test_a_stream_without_identifiers_left_is_refused(
    redis_url: str, unique_name: str
) -> None:
    """Nothing can be appended to it any more."""
    with in_redis(redis_url) as client:
        client.xadd(unique_name, {"a": "b"}, id=f"{2**64 - 1}-{2**64 - 1}")
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name) as transport:
        with pytest.raises(TransportRefusedError, match="exhausted the last possible ID"):
            await transport.send_message_serialized({"id": "1"})


async def test_a_database_that_does_not_exist_is_refused(redis_url: str) -> None:
    """Its number is part of the URL."""
    url = f"{redis_url.rpartition('/')[0]}/99999?stream=events"
    async with AsyncRedisTransport.from_url(url) as transport:
        with pytest.raises(TransportRefusedError, match="DB index is out of range"):
            await transport.connect()


class WithoutCommand(RedisServer):
    """A server on which a command has another name, as some providers have it."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Rename XADD."""
        return [*super().command(port), "--rename-command", "XADD", "hidden"]


async def test_a_command_that_the_server_does_not_know_is_refused() -> None:
    """Nothing is waited for, and the command is in the error."""
    with WithoutCommand() as server:
        async with AsyncRedisTransport.from_url(
            server.url, stream="events", create=True
        ) as transport:
            with pytest.raises(TransportRefusedError, match=r"Unknown .*command.*XADD"):
                await transport.connect()
            with pytest.raises(TransportRefusedError, match=r"Unknown .*command.*XADD"):
                await transport.send_message_serialized({"id": "1"})


@pytest.mark.parametrize("connects", [True, False])
async def test_after_a_failover_the_name_is_resolved_anew(
    connects: bool, own_redis: RedisServer
) -> None:
    """A replica is left, whether the transport has one connection or a pool of them."""
    messages = new_messages(2)
    with in_redis(own_redis.url) as admin:
        async with AsyncRedisTransport.from_url(
            own_redis.url, stream="shop", create=True, patience=0
        ) as transport:
            await transport.send_message_serialized(messages[0])
            admin.replicaof("127.0.0.1", 1)
            for _ in range(2):
                before = admin.info("stats")["total_connections_received"]
                with pytest.raises(TransportUnavailableError, match="READONLY"):
                    if connects:
                        await transport.connect()
                    else:
                        await transport.send_message_serialized(messages[1])
            assert 1 == admin.info("stats")["total_connections_received"] - before
            admin.replicaof("no", "one")
            await transport.send_message_serialized(messages[1])

    assert messages == entries(own_redis.url, "shop")


async def test_connecting_creates_and_stores_nothing(redis_url: str, unique_name: str) -> None:
    """With *create* it is enough that a stream can be made; the first message makes it."""
    async with AsyncRedisTransport.from_url(
        redis_url, stream=unique_name, create=True, max_length=1, max_age=1
    ) as transport:
        await transport.connect()
    async with AsyncRedisTransport.from_url(redis_url, stream=unique_name) as transport:
        with pytest.raises(StreamMissingError):
            await transport.connect()
        with in_redis(redis_url) as client:
            assert not client.exists(unique_name)
            client.xgroup_create(unique_name, "readers", mkstream=True)
        await transport.connect()

    assert [] == entries(redis_url, unique_name)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid"])
async def test_a_server_that_is_not_there_is_reported_at_once(host: str) -> None:
    """Connecting waits for nothing; whoever calls it decides that."""
    async with AsyncRedisTransport.from_url(
        f"redis://{host}/0?stream=events&patience=60"
    ) as transport:
        with pytest.raises(TransportUnavailableError, match="connecting to") as failure:
            await transport.connect()
    assert not isinstance(failure.value, TransportRefusedError)
