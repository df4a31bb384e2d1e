"""The connections and durable consumers of sources of NATS, in tests of either colour."""

from __future__ import annotations

import time
from typing import Any

from nats.js.api import ConsumerConfig

from tests.adapters.stored import on_nats


def cut(source: Any) -> None:
    """Cut the connection of a source, as a network would, and wait until it knows."""
    inner = getattr(source, "_source", source)
    client = inner._connection.client
    transport = client._transport
    if inner is source:
        transport._io_writer.transport.abort()
        return
    inner._loop.call_soon_threadsafe(transport._io_writer.transport.abort)
    while client.is_connected:
        time.sleep(0.001)


def add_durable(url: str, stream: str, name: str) -> None:
    """Add a durable consumer that has read nothing."""
    config = ConsumerConfig(durable_name=name)
    on_nats(url, lambda jetstream: jetstream.add_consumer(stream, config))
