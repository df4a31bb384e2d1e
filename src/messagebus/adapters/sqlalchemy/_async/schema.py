"""The creation of the tables without a migration."""

from __future__ import annotations

from .._compat.aio import AsyncEngine, call
from ..tables import OutboxTables, create, default_tables


async def async_create_tables(engine: AsyncEngine, tables: OutboxTables = default_tables) -> None:
    """Create the tables of the eventstore that do not exist.

    An application with migrations puts *metadata*, or the tables of *define_tables*, into these
    instead.

    Args:
        engine: connects to the database.
        tables: the tables to create.
    """
    async with engine.begin() as connection:
        await call(connection, create, tables)
