"""The Redis client, for code that runs in an event loop."""

from __future__ import annotations

from redis.asyncio import Redis as AsyncRedis

__all__ = ["AsyncRedis"]
