"""The contract of a store and its relay, as rules to run against your own.

Describe them in a subclass of `AsyncOutboxHarness` or `SyncOutboxHarness`, and run every rule.
With pytest:

    @pytest.mark.parametrize("rule", ASYNC_OUTBOX_RULES)
    async def test_my_store_keeps_the_contract(rule):
        await rule(MyHarness())
"""

from __future__ import annotations

from ._async.harness import AsyncOutboxHarness, AsyncRelay
from ._async.recorder import AsyncRecorder
from ._async.rules import ASYNC_OUTBOX_RULES
from ._sync.harness import SyncOutboxHarness, SyncRelay
from ._sync.recorder import SyncRecorder
from ._sync.rules import SYNC_OUTBOX_RULES

__all__ = [
    "ASYNC_OUTBOX_RULES",
    "SYNC_OUTBOX_RULES",
    "AsyncOutboxHarness",
    "AsyncRecorder",
    "AsyncRelay",
    "SyncOutboxHarness",
    "SyncRecorder",
    "SyncRelay",
]
