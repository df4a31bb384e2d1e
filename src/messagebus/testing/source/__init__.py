"""The contract of a source, as rules to run against your own.

Describe the source in a subclass of `AsyncSourceHarness` or `SyncSourceHarness`, and run every
rule for its capabilities. With pytest:

    @pytest.mark.parametrize("rule", async_source_rules(MyHarness.capabilities))
    async def test_my_source_keeps_the_contract(rule):
        await rule(MyHarness())
"""

from __future__ import annotations

from ._async.harness import AsyncSourceHarness
from ._async.rules import async_source_rules
from ._sync.harness import SyncSourceHarness
from ._sync.rules import sync_source_rules

__all__ = [
    "AsyncSourceHarness",
    "SyncSourceHarness",
    "async_source_rules",
    "sync_source_rules",
]
