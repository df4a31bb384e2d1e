"""The types where both colours meet. A line that mypy and pyright must refuse names the error."""

from __future__ import annotations

from typing import Any

import messagebus
import messagebus.asyncio
from messagebus import (
    AsyncAbstractUnitOfWork,
    AsyncMessageBus,
    AsyncUnitOfWorkTransaction,
    Command,
    SyncAbstractUnitOfWork,
    SyncMessageBus,
    SyncUnitOfWorkTransaction,
)


def consumers(
    async_bus: AsyncMessageBus[Any],
    sync_bus: SyncMessageBus[Any],
    async_consumer: messagebus.asyncio.Consumer,
    sync_consumer: messagebus.Consumer,
) -> None:
    """An async bus runs either consumer; a sync bus cannot run an async one."""
    async_bus.include(async_consumer)
    async_bus.include(sync_consumer)
    sync_bus.include(sync_consumer)
    sync_bus.include(async_consumer)  # type: ignore[arg-type]


async def transactions(
    command: Command,
    async_bus: AsyncMessageBus[Any],
    sync_bus: SyncMessageBus[Any],
    async_transaction: AsyncUnitOfWorkTransaction[Any],
    sync_transaction: SyncUnitOfWorkTransaction[Any],
) -> None:
    """A bus takes transactions of its own colour."""
    await async_bus.handle(command, async_transaction)
    sync_bus.handle(command, sync_transaction)
    await async_bus.handle(command, sync_transaction)  # type: ignore[call-overload]
    sync_bus.handle(command, async_transaction)  # type: ignore[call-overload]


def units_of_work(
    async_uow: AsyncAbstractUnitOfWork[Any], sync_uow: SyncAbstractUnitOfWork[Any]
) -> None:
    """A transaction is that of a unit of work of its own colour."""
    AsyncUnitOfWorkTransaction(async_uow)
    SyncUnitOfWorkTransaction(sync_uow)
    AsyncUnitOfWorkTransaction(sync_uow)  # type: ignore[type-var]
    SyncUnitOfWorkTransaction(async_uow)  # type: ignore[type-var]


def parameters(
    # The first parameter is a repository; the unit of work is the second one.
    transaction: AsyncUnitOfWorkTransaction[AsyncAbstractUnitOfWork[Any]],  # type: ignore[type-var]
) -> None:
    """A unit of work in the place of the repositories is refused, not misread."""
