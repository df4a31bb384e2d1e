"""The Redis client, for plain code."""

from __future__ import annotations

from redis import Redis as SyncRedis

__all__ = ["SyncRedis"]
