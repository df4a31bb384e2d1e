"""The test kit: scenarios, all that they need in memory, and the contracts of adapters.

The contracts are in `messagebus.testing.outbox`, `source`, `transport` and `unit_of_work`, as
rules to run against an adapter. `messagebus.testing.strategies`, which needs the extra `testing`,
makes up messages of any class.
"""

from __future__ import annotations

from ..adapters.memory import (
    AsyncMemoryRelay,
    AsyncMemoryRepository,
    AsyncMemorySource,
    AsyncMemoryTransport,
    AsyncMemoryUnitOfWork,
    MemorySession,
    MemoryStore,
    SyncMemoryRelay,
    SyncMemoryRepository,
    SyncMemorySource,
    SyncMemoryTransport,
    SyncMemoryUnitOfWork,
)
from .envelope import Clock, Identifiers
from .scenario._async.scenario import AsyncScenario
from .scenario._compat.aio import Expectation
from .scenario._sync.scenario import SyncScenario
from .scenario.outcome import Outcome
from .scenarios import Scenarios

__all__ = [
    "AsyncMemoryRelay",
    "AsyncMemoryRepository",
    "AsyncMemorySource",
    "AsyncMemoryTransport",
    "AsyncMemoryUnitOfWork",
    "AsyncScenario",
    "Clock",
    "Expectation",
    "Identifiers",
    "MemorySession",
    "MemoryStore",
    "Outcome",
    "Scenarios",
    "SyncMemoryRelay",
    "SyncMemoryRepository",
    "SyncMemorySource",
    "SyncMemoryTransport",
    "SyncMemoryUnitOfWork",
    "SyncScenario",
]
