"""The contract of a transport, as rules to run against your own.

Describe the transport in a subclass of `AsyncTransportHarness` or `SyncTransportHarness`, and run
every rule for its capabilities. With pytest:

    @pytest.mark.parametrize("rule", async_transport_rules(MyHarness.capabilities))
    async def test_my_transport_keeps_the_contract(rule):
        await rule(MyHarness())
"""

from __future__ import annotations

from ._async.harness import AsyncTransportHarness
from ._async.rules import async_transport_rules
from ._sync.harness import SyncTransportHarness
from ._sync.rules import sync_transport_rules
from .capability import Capability

__all__ = [
    "AsyncTransportHarness",
    "Capability",
    "SyncTransportHarness",
    "async_transport_rules",
    "sync_transport_rules",
]
