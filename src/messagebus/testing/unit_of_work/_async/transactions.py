"""The rules of transactions."""

from __future__ import annotations

from typing import Any

from ....exceptions import TransactionError
from ...transport.outcome import expect, expecting
from ..model import Parcel
from .harness import AsyncUnitOfWorkHarness as Harness
from .working import keep, weight


async def what_is_committed_is_found_by_the_next_transaction(harness: Harness) -> None:
    """It need not be of the same unit of work."""
    await keep(harness, Parcel(id="1", kilograms=2.5))
    expect(2.5, await weight(harness), "the weight of what was committed")


async def what_is_rolled_back_is_not_found(harness: Harness) -> None:
    """Neither what was added nor what was changed."""
    await keep(harness, Parcel(id="1", kilograms=1.0))
    async with harness.uow() as transaction:
        await _change(transaction)
        await transaction.rollback()
    await _expect_unchanged(harness)


async def an_error_undoes_the_transaction(harness: Harness) -> None:
    """It reaches the caller."""
    await keep(harness, Parcel(id="1", kilograms=1.0))
    with expecting(LookupError):
        async with harness.uow() as transaction:
            await _change(transaction)
            raise LookupError
    await _expect_unchanged(harness)


async def a_transaction_without_a_decision_is_undone(harness: Harness) -> None:
    """Neither committed nor rolled back, it is an error."""
    await keep(harness, Parcel(id="1", kilograms=1.0))
    with expecting(TransactionError):
        async with harness.uow() as transaction:
            await _change(transaction)
    await _expect_unchanged(harness)


async def a_unit_of_work_serves_one_transaction_after_the_other(harness: Harness) -> None:
    """One that begins while another is running is refused, and does not disturb it."""
    uow = harness.uow()
    async with uow as transaction:
        await transaction.parcels.add(Parcel(id="1", kilograms=1.0))
        with expecting(TransactionError):
            async with uow:
                pass
        await transaction.commit()
    with expecting(LookupError):
        async with uow:
            raise LookupError
    async with uow as transaction:
        found = await transaction.parcels.find("1")
        expect(1.0, found and found.kilograms, "the weight of what was committed")
        await transaction.rollback()


async def a_transaction_is_committed_once(harness: Harness) -> None:
    """After its commit, it can be neither committed nor rolled back."""
    async with harness.uow() as transaction:
        await transaction.parcels.add(Parcel(id="1", kilograms=1.0))
        await transaction.commit()
        with expecting(TransactionError):
            await transaction.commit()
        with expecting(TransactionError):
            await transaction.rollback()
    expect(1.0, await weight(harness), "the weight of what was committed")


async def _change(transaction: Any) -> None:
    parcel = await transaction.parcels.find("1")
    parcel.weigh(9.0)
    await transaction.parcels.add(Parcel(id="2"))


async def _expect_unchanged(harness: Harness) -> None:
    expect(1.0, await weight(harness, "1"), "the weight of what was changed")
    expect(None, await weight(harness, "2"), "the weight of what was added")
