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
from tests._async.adapters.test_redis_setups import failing_over

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
    async with failing_over() as (client, fail_over, _):
        transport = AsyncRedisTransport(client, "shop", create=True)
        source = AsyncRedisSource(client, "shop", "reader")
        await transport.send_message_serialized(messages[0])
        found = await receive_one(source)
        await source.settle([found])
        fail_over()
        await send_until_confirmed(transport, messages[1:])
        again = await receive_one(source)
        await source.settle([again])
        await source.close()

    assert messages == [found.wire, again.wire]


async def receive_one(source: AsyncRedisSource) -> Delivery:
    """Receive a message, through outages."""
    while True:
        try:
            if found := await source.receive(1, 1.0):
                return found[0]
        except TransportUnavailableError:
            continue
