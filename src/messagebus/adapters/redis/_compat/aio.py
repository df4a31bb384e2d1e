"""The Redis client, for code that runs in an event loop."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster

__all__ = ["AsyncRedis", "AsyncRedisCluster", "current_loop"]


def current_loop() -> object:
    """Return the event loop, in which alone the connections of a client can be used."""
    return asyncio.get_running_loop()
