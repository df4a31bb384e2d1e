"""The creation and the upgrade of the tables without a migration."""

from __future__ import annotations

from .._compat.aio import AsyncEngine, call
from .._upgrade import create, upgrade
from ..tables import OutboxTables, default_tables


async def async_create_tables(engine: AsyncEngine, tables: OutboxTables = default_tables) -> None:
    """Create the tables of the eventstore that do not exist.

    An application with migrations puts *metadata*, or the tables of *define_tables*, into these
    instead.

    Args:
        engine: connects to the database.
        tables: the tables to create.

    Raises:
        MissingColumnError: a table exists, in an earlier version.
        TableVersionError: the tables exist, in a later version.
    """
    async with engine.begin() as connection:
        await call(connection, create, tables)


async def async_upgrade_tables(engine: AsyncEngine, tables: OutboxTables = default_tables) -> None:
    """Bring the tables from any earlier version to the present one, and create missing ones.

    Several processes may do so at the same time. The messages stay. On PostgreSQL, this waits for
    the transactions that use the tables, and the others wait for it.

    Args:
        engine: connects to the database.
        tables: the tables to upgrade.

    Raises:
        MissingColumnError: a column is missing whose values nobody knows.
        TableVersionError: the tables are of a later version.
    """
    async with engine.begin() as connection:
        await call(connection, upgrade, tables)
