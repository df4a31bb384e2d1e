"""A transport for tests: it keeps what was sent, and fails when it is told to."""

from __future__ import annotations

from ._async.transport import AsyncMemoryTransport
from ._sync.transport import SyncMemoryTransport

__all__ = ["AsyncMemoryTransport", "SyncMemoryTransport"]
