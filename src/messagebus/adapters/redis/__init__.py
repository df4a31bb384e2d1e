"""Redis Streams, for Redis 6.2 or later, Valkey and compatible servers.

Needs the extra `redis`.
"""

from __future__ import annotations

from ...exceptions import MissingExtraError

try:
    import redis as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "redis") from _error

from ._async.source import AsyncRedisSource
from ._async.transport import AsyncRedisTransport
from ._sync.source import SyncRedisSource
from ._sync.transport import SyncRedisTransport

__all__ = [
    "AsyncRedisSource",
    "AsyncRedisTransport",
    "SyncRedisSource",
    "SyncRedisTransport",
]
