"""Putting the shop together: the one place that knows which adapters it runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from messagebus import AsyncMessageBus, Command
from messagebus.adapters.factory import async_transport_from_url
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay

from .adapters.sql.database import create_tables, new_engine
from .adapters.sql.inbox import Entry
from .adapters.sql.ledger import Ledger
from .adapters.sql.tables import outbox
from .adapters.sql.unit_of_work import SqlUnitOfWork
from .service.unit_of_work import Repositories

# A run that takes over from one that was killed waits so long, in seconds, before it sends.
_LEASE = 1.0
_POLL_INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is ready to take commands.

    Attributes:
        bus: handles the commands.
        uow: keeps what they lead to.
        relay: sends what is published.
        ledger: counts what has happened.
    """

    bus: AsyncMessageBus[Repositories]
    uow: SqlUnitOfWork
    relay: AsyncOutboxRelay
    ledger: Ledger

    async def handle(self, entry: Entry, command: Command | None = None) -> Entry | None:
        """Remember what becomes of a line, and handle its command, in one transaction.

        Args:
            entry: what becomes of the line, if its command breaks no rule.
            command: the command of a line that is not rejected.

        Returns:
            What has become of the line before; None if it had not been handled.

        Raises:
            ShopError: the command breaks a rule of the shop. Nothing has changed.
        """
        async with self.uow as transaction:
            known = await self.uow.inbox.add(entry)
            if known is None and command is not None:
                await self.bus.handle(command, transaction)
            await transaction.commit()
        return known


def new_bus() -> AsyncMessageBus[Repositories]:
    """Make a bus that has all handlers of the shop."""
    bus: AsyncMessageBus[Repositories] = AsyncMessageBus()
    bus.scan("examples.shop.service")
    bus.check("examples.shop")
    return bus


@asynccontextmanager
async def open_shop(database: str, stream: str) -> AsyncIterator[Shop]:
    """Open the shop that is in a database, which is empty the first time.

    Args:
        database: the URL of the database.
        stream: the URL to which the published messages are sent.

    Raises:
        ConfigurationError: no transport has such a URL.
        sqlalchemy.exc.SQLAlchemyError: the database can not be used.
        ImportError: what the database or the stream needs is not installed.
    """
    async with async_transport_from_url(stream) as transport:
        engine = new_engine(database)
        try:
            await create_tables(engine)
            relay = AsyncOutboxRelay(
                engine, transport, tables=outbox, lease=_LEASE, poll_interval=_POLL_INTERVAL
            )
            uow = SqlUnitOfWork(engine, tables=outbox, on_published=relay.wake)
            yield Shop(new_bus(), uow, relay, Ledger(engine))
        finally:
            await engine.dispose()
