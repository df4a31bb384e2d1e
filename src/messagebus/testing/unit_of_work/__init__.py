"""The contract of a unit of work with its repositories, eventstore and inbox, as rules.

Describe yours in a subclass of `AsyncUnitOfWorkHarness` or `SyncUnitOfWorkHarness`, and run every
rule. With pytest:

    @pytest.mark.parametrize("rule", ASYNC_UNIT_OF_WORK_RULES)
    async def test_my_unit_of_work_keeps_the_contract(rule):
        await rule(MyHarness())
"""

from __future__ import annotations

from ._async.harness import AsyncParcels, AsyncUnitOfWorkHarness
from ._async.rules import ASYNC_UNIT_OF_WORK_RULES
from ._sync.harness import SyncParcels, SyncUnitOfWorkHarness
from ._sync.rules import SYNC_UNIT_OF_WORK_RULES
from .model import Parcel, ParcelWeighed, WeighParcel

__all__ = [
    "ASYNC_UNIT_OF_WORK_RULES",
    "SYNC_UNIT_OF_WORK_RULES",
    "AsyncParcels",
    "AsyncUnitOfWorkHarness",
    "Parcel",
    "ParcelWeighed",
    "SyncParcels",
    "SyncUnitOfWorkHarness",
    "WeighParcel",
]
