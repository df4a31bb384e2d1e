"""Putting the shop together: the one place that knows which adapters it runs on."""

from __future__ import annotations

from dataclasses import dataclass

from messagebus import AsyncMessageBus, Command

from .adapters.memory import MemoryUnitOfWork
from .adapters.transport import CollectingTransport
from .service.unit_of_work import Repositories


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is ready to take commands."""

    bus: AsyncMessageBus[Repositories]
    uow: MemoryUnitOfWork
    transport: CollectingTransport

    async def execute(self, command: Command) -> None:
        """Handle a command in a transaction of its own.

        Raises:
            ShopError: the command breaks a rule of the shop. Nothing has changed.
        """
        async with self.uow as transaction:
            await self.bus.handle(command, transaction)
            await transaction.commit()


def open_shop() -> Shop:
    """Make an empty shop that keeps everything in memory."""
    bus: AsyncMessageBus[Repositories] = AsyncMessageBus()
    bus.scan("examples.shop.service")
    bus.check("examples.shop")
    transport = CollectingTransport()
    return Shop(bus, MemoryUnitOfWork(transport), transport)
