"""The database that a URL names."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from messagebus.adapters.sqlalchemy import prepare_sqlite

from .tables import metadata

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
}
_CREATION = zlib.crc32(b"the tables of the shop")


def new_engine(url: str) -> AsyncEngine:
    """Return an engine; the driver need not be part of the URL.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it is no URL, or not one of a database that is known; or
            the file of SQLite can not be opened.
        ImportError: the driver is not installed.
    """
    parsed = sa.make_url(url)
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    engine = prepare_sqlite(create_async_engine(parsed.set(drivername=driver)), busy_timeout=30.0)
    if engine.dialect.name == "sqlite":
        _open(parsed.set(drivername="sqlite"))
    return engine


def _open(url: sa.URL) -> None:
    """Open a file of SQLite, and close it: aiosqlite has a thread that outlives its failure."""
    engine = sa.create_engine(url)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


async def create_tables(engine: AsyncEngine) -> None:
    """Create the tables that do not exist.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database can not be used.
    """
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Of two runs that start at once, the second one has to find what the first creates.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION)))
        await connection.run_sync(metadata.create_all)
