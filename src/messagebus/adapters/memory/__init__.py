"""A transport for tests, which keeps the messages and fails on request, and a source of them."""

from __future__ import annotations

from ._async.source import AsyncMemorySource
from ._async.transport import AsyncMemoryTransport
from ._sync.source import SyncMemorySource
from ._sync.transport import SyncMemoryTransport

__all__ = [
    "AsyncMemorySource",
    "AsyncMemoryTransport",
    "SyncMemorySource",
    "SyncMemoryTransport",
]
