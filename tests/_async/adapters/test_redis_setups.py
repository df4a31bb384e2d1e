"""The transport with each way of running Redis that the documentation lists."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from messagebus.adapters.redis import AsyncRedisTransport
from messagebus.adapters.redis._compat.aio import AsyncRedisCluster
from messagebus.exceptions import (
    ConfigurationError,
    TransportRefusedError,
    TransportUnavailableError,
)
from messagebus.testing.transport._async.retrying import send_until_confirmed
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import entries, in_redis
from tests.running.aio import AsyncSentinel
from tests.servers import RedisNode, RedisServer, Sentinel
from tests.servers.redis import new_client

pytestmark = pytest.mark.server


async def test_a_client_for_clusters_finds_the_node_of_the_stream(
    redis_cluster: Sequence[str], unique_name: str
) -> None:
    """Messages and the keys that remember them are on one node, whichever it is."""
    first = redis_cluster[0]
    cluster: Any = AsyncRedisCluster
    client = cluster.from_url(first)
    for number in range(4):
        stream = f"{unique_name}:{number}"
        messages = new_messages(20)
        transport = AsyncRedisTransport(client, stream, create=True, max_length=1_000)
        await transport.connect()
        await transport.send_messages_serialized(messages)
        await transport.send_message_serialized(messages[0])
        assert len(messages) == await client.xlen(stream)
    await client.aclose()


async def test_a_node_without_the_stream_says_where_it_is(
    redis_cluster: Sequence[str], unique_name: str
) -> None:
    """The word MOVED and the other node are in the error, which comes at once."""
    with in_redis(redis_cluster[0]) as client:
        slot = client.cluster("keyslot", unique_name)
    here, there = redis_cluster if slot < 8192 else redis_cluster[::-1]
    async with AsyncRedisTransport.from_url(
        there, stream=unique_name, create=True, patience=60
    ) as transport:
        with pytest.raises(TransportRefusedError, match="RedisCluster") as failure:
            await transport.send_message_serialized({"id": "1"})
        with pytest.raises(TransportRefusedError, match="MOVED"):
            await transport.connect()
    assert f"MOVED {slot} {here.removeprefix('redis://').removesuffix('/0')}" in str(failure.value)
    async with AsyncRedisTransport.from_url(here, stream=unique_name, create=True) as transport:
        await transport.send_message_serialized({"id": "1"})


async def test_a_stream_that_moves_to_another_node_is_refused(
    redis_cluster: Sequence[str], unique_name: str
) -> None:
    """A client for one server cannot follow it: ASK names the node to go to."""
    with in_redis(redis_cluster[0]) as lower, in_redis(redis_cluster[1]) as upper:
        slot = lower.cluster("keyslot", unique_name)
        source, target = (lower, upper) if slot < 8192 else (upper, lower)
        source.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target.cluster("myid"))
        url = redis_cluster[0] if source is lower else redis_cluster[1]
        async with AsyncRedisTransport.from_url(
            url, stream=unique_name, create=True, patience=60
        ) as transport:
            with pytest.raises(TransportRefusedError, match=f"ASK {slot} "):
                await transport.send_message_serialized({"id": "1"})
        source.execute_command("CLUSTER SETSLOT", slot, "STABLE")


async def test_keys_that_cannot_be_on_one_node_are_refused(redis_cluster: Sequence[str]) -> None:
    """Empty braces put the whole name in the place of its part."""
    async with AsyncRedisTransport.from_url(
        redis_cluster[0], stream="shop{}y", create=True, patience=60
    ) as transport:
        with pytest.raises(TransportRefusedError, match="CROSSSLOT"):
            await transport.send_message_serialized({"id": "1"})


async def test_a_cluster_that_is_down_is_an_outage() -> None:
    """As long as nobody serves the slot of the stream."""
    with RedisNode() as node:
        async with AsyncRedisTransport.from_url(
            node.url, stream="shop", create=True, patience=0
        ) as transport:
            with pytest.raises(TransportUnavailableError, match="CLUSTERDOWN") as failure:
                await transport.send_message_serialized({"id": "1"})
    assert not isinstance(failure.value, TransportRefusedError)


class Replicated(RedisServer):
    """A server that copies its data to a replica at once."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Do not wait for other replicas."""
        return [*super().command(port), "--repl-diskless-sync-delay", "0"]


@asynccontextmanager
async def failing_over() -> AsyncIterator[tuple[Any, Callable[[], None], str]]:
    """Yield a client that a Sentinel gave, what causes a failover, and the URL of the replica.

    The old primary answers READONLY after the failover.
    """
    new_sentinel: Any = AsyncSentinel
    with Replicated() as old, Replicated() as new, in_redis(new.url) as replica:
        replica.replicaof("127.0.0.1", old.port)
        wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
        with Sentinel(old.port) as watcher, in_redis(old.url) as primary:
            sentinel = new_sentinel([("127.0.0.1", watcher.port)])
            client = sentinel.master_for("shop", socket_timeout=5)

            def fail_over() -> None:
                offset = primary.info("replication")["master_repl_offset"]
                wait_until(lambda: replica.info("replication")["slave_repl_offset"] >= offset)
                wait_until(lambda: is_promoted(replica, watcher.port))
                primary.replicaof("127.0.0.1", new.port)  # as the Sentinel does some seconds later

            yield client, fail_over, new.url
            for each in (client, *sentinel.sentinels):
                await each.connection_pool.disconnect()


@pytest.mark.slow
async def test_the_client_of_a_sentinel_follows_the_primary() -> None:
    """After a failover it asks the Sentinel again; the old primary answers READONLY until then."""
    messages = new_messages(2)
    async with failing_over() as (client, fail_over, url):
        async with AsyncRedisTransport(client, "shop", create=True) as transport:
            await transport.connect()
            await transport.send_message_serialized(messages[0])
            fail_over()
            await send_until_confirmed(transport, messages[1:])
        assert messages == entries(url, "shop")


def wait_until(condition: Any) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_promoted(replica: Any, port: int) -> bool:
    """Return whether a replica has become the primary; if not, ask the Sentinel for a failover."""
    # The Sentinel does not know the replica yet, or is at it; a new primary closes its connections.
    with suppress(redis.ResponseError, redis.ConnectionError):
        if replica.role()[0] == "master":
            return True
        client = new_client(port)
        try:
            client.execute_command("SENTINEL FAILOVER shop")
        finally:
            client.close()
    return False


def test_a_sentinel_is_not_taken_for_a_client() -> None:
    """The advice names the call that gives the client."""
    new_sentinel: Any = AsyncSentinel
    sentinel = new_sentinel([("127.0.0.1", 1)])
    with pytest.raises(ConfigurationError, match="no client that can run a script") as failure:
        AsyncRedisTransport(sentinel, "shop")

    assert "master_for" in failure.value.__notes__[0]


async def test_the_port_of_a_sentinel_is_refused(own_redis: RedisServer) -> None:
    """It takes no messages."""
    with Sentinel(own_redis.port) as watcher:
        url = f"redis://127.0.0.1:{watcher.port}"
        async with AsyncRedisTransport.from_url(url, stream="shop", patience=60) as transport:
            with pytest.raises(TransportRefusedError, match="not the port of a Sentinel"):
                await transport.connect()


class OnSocket(RedisServer):
    """A server that listens on a socket as well."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Put the socket into the folder."""
        return [*super().command(port), "--unixsocket", self.folder / "redis.sock"]


async def test_a_server_is_reached_by_its_socket() -> None:
    """User and password stand where the host would."""
    messages = new_messages(2)
    with OnSocket() as server:
        with in_redis(server.url) as admin:
            admin.execute_command("ACL SETUSER app on >p@ss ~* +@all")
        url = f"unix://app:p%40ss@{server.folder}/redis.sock?stream=shop&create=yes"
        async with AsyncRedisTransport.from_url(url) as transport:
            await transport.connect()
            await transport.send_messages_serialized(messages)
        assert messages == entries(server.url, "shop")
