"""A store, a transport, a source and all that works on them in memory, for tests."""

from __future__ import annotations

from ._async.eventstore import AsyncMemoryEventstore
from ._async.inbox import AsyncMemoryInbox
from ._async.relay import AsyncMemoryRelay
from ._async.repository import AsyncMemoryRepository
from ._async.source import AsyncMemorySource
from ._async.transport import AsyncMemoryTransport
from ._async.unit_of_work import AsyncMemoryUnitOfWork
from ._sync.eventstore import SyncMemoryEventstore
from ._sync.inbox import SyncMemoryInbox
from ._sync.relay import SyncMemoryRelay
from ._sync.repository import SyncMemoryRepository
from ._sync.source import SyncMemorySource
from ._sync.transport import SyncMemoryTransport
from ._sync.unit_of_work import SyncMemoryUnitOfWork
from .session import MemorySession
from .store import MemoryStore, StoredMessage

__all__ = [
    "AsyncMemoryEventstore",
    "AsyncMemoryInbox",
    "AsyncMemoryRelay",
    "AsyncMemoryRepository",
    "AsyncMemorySource",
    "AsyncMemoryTransport",
    "AsyncMemoryUnitOfWork",
    "MemorySession",
    "MemoryStore",
    "StoredMessage",
    "SyncMemoryEventstore",
    "SyncMemoryInbox",
    "SyncMemoryRelay",
    "SyncMemoryRepository",
    "SyncMemorySource",
    "SyncMemoryTransport",
    "SyncMemoryUnitOfWork",
]
