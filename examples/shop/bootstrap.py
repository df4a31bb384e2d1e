"""The wiring of the shop: bus, unit of work, outbox and relay."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from messagebus import AsyncAbstractEventstreamTransport as Transport
from messagebus import AsyncMessageBus, Command
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, prepare_sqlite

from .lines import InvalidLineError, Line, parse
from .model import ShopError
from .tables import metadata, outbox
from .unit_of_work import Outcome, Repository, UnitOfWork

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True)
class Shop:
    """A shop that is open."""

    bus: AsyncMessageBus[Repository[Any]]
    uow: UnitOfWork
    relay: AsyncOutboxRelay

    async def handle(self, line: Line) -> Outcome:
        """Handle the command in a line, once no matter how often the line is read."""
        try:
            command = parse(line.text, self.bus.commands_registry)
            return await self._record(line, Outcome(), command)
        except (InvalidLineError, ShopError) as error:
            return await self._record(line, Outcome(str(error)))

    async def _record(self, line: Line, outcome: Outcome, *commands: Command) -> Outcome:
        """Record the outcome of a line and handle its command, both in one transaction."""
        async with self.uow as transaction:
            outcome = await self.uow.record(line.id, outcome)
            if not outcome.is_repeated:
                for command in commands:
                    await self.bus.handle(command, transaction)
            await transaction.commit()
        return outcome


def new_bus() -> AsyncMessageBus[Repository[Any]]:
    """Create a bus with the handlers of the shop."""
    bus: AsyncMessageBus[Repository[Any]] = AsyncMessageBus()
    bus.scan("examples.shop.handlers")
    bus.check("examples.shop")
    return bus


def new_engine(url: str) -> AsyncEngine:
    """Create an engine; the URL need not name the driver.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the URL is invalid, or SQLite cannot open the file.
        ImportError: the driver is not installed.
    """
    parsed = sa.make_url(url)
    name = parsed.drivername
    engine = create_async_engine(parsed.set(drivername=_DRIVERS.get(name, name)))
    if engine.dialect.name == "sqlite":
        # If aiosqlite were the first to fail, its thread would outlive the event loop.
        sync_url = parsed.set(drivername="sqlite")
        sa.create_engine(sync_url, poolclass=sa.NullPool).connect().close()
    return prepare_sqlite(engine, busy_timeout=30.0)


async def create_tables(engine: AsyncEngine) -> None:
    """Create the tables that do not exist.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two runs that start at once must not both create the tables.
            lock = sa.func.pg_advisory_xact_lock(zlib.crc32(b"examples.shop"))
            await connection.execute(sa.select(lock))
        await connection.run_sync(metadata.create_all)


@asynccontextmanager
async def open_shop(database: str, transport: Transport) -> AsyncIterator[Shop]:
    """Open the shop in a database and create its tables if necessary.

    Args:
        database: URL of the database.
        transport: receives the published events.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        ImportError: the driver is not installed.
    """
    engine = new_engine(database)
    try:
        await create_tables(engine)
        # With a short lease, a run soon takes over from one that was killed.
        relay = AsyncOutboxRelay(engine, transport, tables=outbox, lease=3.0, poll_interval=0.2)
        uow = UnitOfWork(engine, tables=outbox, on_published=relay.wake)
        yield Shop(new_bus(), uow, relay)
    finally:
        await engine.dispose()
