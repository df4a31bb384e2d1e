"""Creating the tables, where no migration does it."""

from __future__ import annotations

from .._compat.aio import AsyncEngine, run
from ..tables import OutboxTables, create
from ..tables import tables as default_tables


async def async_create_tables(engine: AsyncEngine, tables: OutboxTables = default_tables) -> None:
    """Create the tables of the eventstore that do not exist.

    Those who keep migrations put *metadata*, or what *define_tables* adds to their own, into
    these instead.

    Args:
        engine: connects to the database.
        tables: what to create.
    """
    await run(engine, create, tables)
