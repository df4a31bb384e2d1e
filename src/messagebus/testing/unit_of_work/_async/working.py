"""Transactions of the rules."""

from __future__ import annotations

from typing import Any

from ....domain.model import Message
from ....service._async.registry import AsyncMessageBus
from ..model import Parcel
from .harness import AsyncUnitOfWorkHarness


async def keep(harness: AsyncUnitOfWorkHarness, *parcels: Parcel) -> None:
    """Add parcels in a transaction of their own."""
    async with harness.uow() as transaction:
        for parcel in parcels:
            await transaction.parcels.add(parcel)
        await transaction.commit()


async def kept(harness: AsyncUnitOfWorkHarness, id: str = "1") -> Parcel | None:
    """Return a parcel as the next transaction finds it."""
    async with harness.uow() as transaction:
        parcel: Parcel | None = await transaction.parcels.find(id)
        await transaction.rollback()
    return parcel


async def weight(harness: AsyncUnitOfWorkHarness, id: str = "1") -> float | None:
    """Return the weight of a parcel as the next transaction finds it."""
    parcel = await kept(harness, id)
    return None if parcel is None else parcel.kilograms


async def handle(
    harness: AsyncUnitOfWorkHarness,
    *messages: Message[Any],
    bus: AsyncMessageBus[Any] | None = None,
) -> None:
    """Handle messages in a transaction of their own."""
    bus = bus or AsyncMessageBus()
    async with harness.uow() as transaction:
        for message in messages:
            await bus.handle(message, transaction)
        await transaction.commit()
