"""JetStream without the package. There is no NATS client for sync code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nats.aio.client import Client

from tests.running.aio import PATIENCE

from .databases import nats
from .measuring import at_the_end
from .outbox import content
from .streams import FETCHED, GROUP


def to_nats() -> Any:
    """Return a function that publishes rows in order, and waits for all confirmations."""
    url = nats()
    client = Client()
    stream = client.jetstream()

    async def send(rows: Sequence[Any]) -> None:
        if not client.is_connected:
            await client.connect(url)
            at_the_end(client.close)
            await stream.add_stream(name="BY_HAND", subjects=["by_hand.*"])
        confirmed = []
        for row in rows:
            message = content(row)
            body = json.dumps(message).encode()
            headers = {"Nats-Msg-Id": message["id"]}
            confirmed.append(await stream.publish_async("by_hand.event", body, headers=headers))
        await asyncio.gather(*confirmed)

    return send


async def from_nats() -> Callable[[], Awaitable[object]]:
    """Create the stream EVENTS; return a function that waits for its next message."""
    client = Client()
    await client.connect(nats())
    at_the_end(client.close)
    stream = client.jetstream()
    await stream.add_stream(name="EVENTS", subjects=["events.>"])
    subscription = await stream.subscribe("events.>", stream="EVENTS", ordered_consumer=True)
    return lambda: subscription.next_msg(timeout=PATIENCE)


class NatsReader:
    """Reads a stream with the client alone.

    Args:
        server: the URL of the server.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._client = Client()
        self._subscription: Any = None

    async def open(self, stream: str) -> None:
        """Begin to read a stream."""
        if not self._client.is_connected:
            await self._client.connect(self._server)
            at_the_end(self._client.close)
        self._subscription = await self._client.jetstream().pull_subscribe(
            f"{stream}.>", durable=GROUP, stream=stream
        )

    async def read(self) -> Sequence[tuple[Any, Any]]:
        """Return messages, each with what settles it."""
        found = await self._subscription.fetch(FETCHED, timeout=PATIENCE)
        return [(message, json.loads(message.data)) for message in found]

    async def settle(self, receipts: Sequence[Any]) -> None:
        """Settle messages; the server confirms the last one."""
        for message in receipts[:-1]:
            await message.ack()
        await receipts[-1].ack_sync()
