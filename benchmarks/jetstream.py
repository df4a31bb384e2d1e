"""Sending to JetStream without the package. There is no NATS client for sync code."""

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
