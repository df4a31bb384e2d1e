"""Engines, and concurrent calls in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from messagebus.adapters.sqlalchemy import prepare_sqlite

__all__ = [
    "PATIENCE",
    "AsyncConnection",
    "AsyncEngine",
    "AsyncSentinel",
    "AsyncSession",
    "background",
    "call_with",
    "create_all",
    "driver_connection",
    "eventually",
    "new_engine",
    "new_session_factory",
    "new_unprepared_engine",
    "pause",
    "sqlite_url",
    "together",
]

T = TypeVar("T")
PATIENCE = 60.0  # seconds after which a condition counts as never met

pause = asyncio.sleep


def sqlite_url(path: Path | str) -> str:
    """Return the URL of a database file."""
    return f"sqlite+aiosqlite:///{path}"


def new_unprepared_engine(url: str) -> AsyncEngine:
    """Return an engine as SQLAlchemy creates it."""
    return create_async_engine(url)


def new_engine(url: str, **options: Any) -> AsyncEngine:
    """Return an engine, prepared if it is for SQLite."""
    return prepare_sqlite(create_async_engine(url, **options), busy_timeout=PATIENCE)


async def call_with(connection: AsyncConnection, function: Callable[..., T], *rest: Any) -> T:
    """Call a blocking function with a connection."""
    return await connection.run_sync(function, *rest)


async def create_all(engine: AsyncEngine, metadata: MetaData) -> None:
    """Create the tables of the application."""
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


def new_session_factory(engine: AsyncEngine, **options: Any) -> async_sessionmaker[AsyncSession]:
    """Return a factory of sessions."""
    return async_sessionmaker(engine, **options)


async def together(*calls: Callable[[], Awaitable[T]]) -> list[T]:
    """Make all calls concurrently; return their results in the order of the calls."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_returned(call)) for call in calls]
    return [task.result() for task in tasks]


async def _returned(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


@asynccontextmanager
async def background(
    call: Callable[[], Awaitable[Any]], stop: Callable[[], object]
) -> AsyncIterator[None]:
    """Run a call beside the block; stop it at the end of the block."""
    task = asyncio.create_task(_returned(call))
    try:
        yield
    finally:
        stop()
        async with asyncio.timeout(PATIENCE):
            await task


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: the condition does not hold in time.
    """
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def driver_connection(connection: AsyncConnection) -> Any:
    """Return the driver's connection below a connection."""
    return (await connection.get_raw_connection()).driver_connection
