"""The Redis stream that consumers read, filled without them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from redis import Redis

from messagebus import MessageSerializer

from .databases import redis
from .measuring import at_the_end
from .messages import AnyMessage

STREAM = "bench"


@cache
def _client() -> Any:
    client: Any = Redis.from_url(redis())
    at_the_end(client.close)
    return client


def clear() -> None:
    """Delete the stream and its groups."""
    _client().delete(STREAM)


def fill(messages: Iterable[AnyMessage], group: str) -> None:
    """Append messages, which a new group has not read."""
    serialize = MessageSerializer().serialize_message
    pipeline = _client().pipeline(transaction=False)
    pipeline.xgroup_create(STREAM, group, id="0", mkstream=True)
    for message in messages:
        pipeline.xadd(STREAM, dict(serialize(message)))
    pipeline.execute()
