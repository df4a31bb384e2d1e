"""SQLAlchemy and waiting, for a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from sqlalchemy.orm import Session

__all__ = [
    "AsyncBell",
    "AsyncConnection",
    "AsyncEngine",
    "AsyncSession",
    "AsyncSessionFactory",
    "blocking_engine",
    "call",
    "close",
    "discard",
    "driver_connection",
    "run",
]

P = ParamSpec("P")
R = TypeVar("R")

AsyncSessionFactory = async_sessionmaker[AsyncSession]


def blocking_engine(engine: AsyncEngine) -> Any:
    """Return the engine that does the work."""
    return engine.sync_engine


async def run(
    engine: AsyncEngine,
    function: Callable[Concatenate[Connection, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a function that blocks with a connection, in a transaction of its own."""
    async with engine.begin() as connection:
        return await connection.run_sync(function, *args, **kwargs)


async def call(
    session: AsyncSession,
    function: Callable[Concatenate[Session, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a function that blocks with the session that does the work."""
    return await session.run_sync(function, *args, **kwargs)


async def close(session: AsyncSession) -> None:
    """Close a session, even if the task is cancelled meanwhile."""
    if session.in_transaction():
        await asyncio.shield(asyncio.ensure_future(session.close()))
    else:
        session.sync_session.close()  # has no connection to wait for


def discard(session: AsyncSession) -> None:
    """Close a session that was not used."""
    session.sync_session.close()


async def driver_connection(connection: AsyncConnection) -> Any:
    """Return the connection of the driver that one of SQLAlchemy stands on."""
    return (await connection.get_raw_connection()).driver_connection


class AsyncBell:
    """Wakes who waits for it; one that is rung before is heard at once.

    It may be rung from any thread, and from a signal handler.
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ring(self) -> None:
        """Wake who waits."""
        if self._loop is None:
            self._rung.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> None:
        """Wait until it is rung, but no longer than so many seconds."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()

    def heard(self) -> bool:
        """Tell whether it was rung since somebody last waited or asked."""
        rung = self._rung.is_set()
        self._rung.clear()
        return rung
