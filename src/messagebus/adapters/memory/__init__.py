"""A transport for tests: it keeps the messages, and fails on request."""

from __future__ import annotations

from ._async.transport import AsyncMemoryTransport
from ._sync.transport import SyncMemoryTransport

__all__ = ["AsyncMemoryTransport", "SyncMemoryTransport"]
