"""The Redis client, for plain code."""

from __future__ import annotations

from redis import Redis as SyncRedis
from redis.retry import Retry as SyncRetry

__all__ = ["SyncRedis", "SyncRetry"]
