"""The Redis client, for plain code."""

from __future__ import annotations

from redis import Redis as SyncRedis
from redis import RedisCluster as SyncRedisCluster

__all__ = ["SyncRedis", "SyncRedisCluster", "current_loop"]


def current_loop() -> object:
    """Return None: the client works in every thread, and in a forked process."""
    return None
