"""The source with each way of running Redis that the documentation lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from messagebus.adapters.redis import AsyncRedisSource, AsyncRedisTransport
from messagebus.adapters.redis._compat.aio import AsyncRedisCluster
from messagebus.exceptions import TransportUnavailableError
from messagebus.inbox import Delivery
from messagebus.testing.source._async.reading import wires
from messagebus.testing.transport._async.retrying import send_until_confirmed
from messagebus.testing.transport.messages import new_messages
from tests._async.adapters.test_redis_setups import Replicated, is_promoted, wait_until
from tests.adapters.stored import in_redis
from tests.running.aio import AsyncSentinel
from tests.servers import Sentinel

pytestmark = pytest.mark.server


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_client_for_clusters_reads_partitions_on_one_node(
    redis_cluster: Sequence[str], unique_name: str, ordered: bool
) -> None:
    """Braces in the name keep the streams and the key of the holder together."""
    stream = f"{{{unique_name}}}"
    cluster: Any = AsyncRedisCluster
    client = cluster.from_url(redis_cluster[0])
    messages = [each | {"ordering_key": str(key)} for key, each in enumerate(new_messages(20))]
    transport = AsyncRedisTransport(client, stream, create=True, partitions=3)
    await transport.send_messages_serialized(messages)
    source = AsyncRedisSource(client, stream, "reader", partitions=3, ordered=ordered)
    await source.connect()
    if ordered:
        await source.assign(range(3))
    found: list[Delivery] = []
    while len(found) < len(messages):
        found += await source.receive(100, 1.0)
    await source.settle(found)

    assert sorted(each["id"] for each in messages) == sorted(each["id"] for each in wires(found))
    for number in range(3):
        assert 0 == (await client.xpending(f"{stream}.{number}", "reader"))["pending"]
    await source.close()
    await client.aclose()


@pytest.mark.slow
async def test_a_source_follows_the_primary_of_a_sentinel() -> None:
    """After a failover it goes on where it was: what is settled does not come again."""
    messages = new_messages(2)
    new_sentinel: Any = AsyncSentinel
    with Replicated() as old, Replicated() as new, in_redis(new.url) as replica:
        replica.replicaof("127.0.0.1", old.port)
        wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
        with Sentinel(old.port) as watcher, in_redis(old.url) as primary:
            sentinel = new_sentinel([("127.0.0.1", watcher.port)])
            client = sentinel.master_for("shop", socket_timeout=5)
            transport = AsyncRedisTransport(client, "shop", create=True)
            source = AsyncRedisSource(client, "shop", "reader")
            await transport.send_message_serialized(messages[0])
            found = await receive_one(source)
            await source.settle([found])
            offset = primary.info("replication")["master_repl_offset"]
            wait_until(lambda: replica.info("replication")["slave_repl_offset"] >= offset)
            wait_until(lambda: is_promoted(replica, watcher.port))
            primary.replicaof("127.0.0.1", new.port)  # as the Sentinel does some seconds later
            await send_until_confirmed(transport, messages[1:])
            again = await receive_one(source)
            await source.settle([again])
            await source.close()
            for each in (client, *sentinel.sentinels):
                await each.connection_pool.disconnect()

    assert messages == [found.wire, again.wire]


async def receive_one(source: AsyncRedisSource) -> Delivery:
    """Receive a message, through outages."""
    while True:
        try:
            if found := await source.receive(1, 1.0):
                return found[0]
        except TransportUnavailableError:
            continue
