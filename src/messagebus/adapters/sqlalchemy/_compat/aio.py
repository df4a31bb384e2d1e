"""SQLAlchemy, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from .._hang_up import HangUp, driver_of
from .._opening import opening_within

__all__ = [
    "AsyncConnection",
    "AsyncEngine",
    "AsyncSession",
    "AsyncSessionFactory",
    "apart",
    "call",
    "close",
    "connected",
    "opened",
    "within",
]

P = ParamSpec("P")
R = TypeVar("R")

AsyncSessionFactory: TypeAlias = async_sessionmaker[AsyncSession]


def apart(engine: AsyncEngine) -> AsyncEngine:
    """Return an engine that connects as another one does, with a pool of its own."""
    sync_engine = engine.sync_engine
    return AsyncEngine(Engine(sync_engine.pool.recreate(), sync_engine.dialect, sync_engine.url))


async def call(
    target: AsyncConnection | AsyncSession,
    function: Callable[Concatenate[Any, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a blocking function with the sync connection or session below *target*."""
    return await target.run_sync(function, *args, **kwargs)


async def close(session: AsyncSession) -> None:
    """Close a session, even if the task is cancelled in the meantime."""
    if session.in_transaction():
        await asyncio.shield(asyncio.ensure_future(session.close()))
    else:
        session.sync_session.close()  # has no connection to wait for


async def opened(engine: AsyncEngine, seconds: float) -> AsyncConnection:
    """Return a connection, for whose opening the database may take no longer than its time.

    Args:
        engine: opens it, unless its pool has one to give.
        seconds: the limit for what follows connecting, which the driver limits.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time.
    """
    with opening_within(engine.sync_engine, seconds, asyncio.get_running_loop().call_later):
        return await engine.connect()


@asynccontextmanager
async def connected(engine: AsyncEngine, seconds: float) -> AsyncGenerator[AsyncConnection]:
    """Connect for the block, for which the database may take no longer than its time.

    Args:
        engine: opens the connection, unless its pool has one to give.
        seconds: the limit for opening, and then the limit for the block and for the end of what
            it has begun.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time; the connection is
            lost.
    """
    connection = await opened(engine, seconds)
    async with within(connection, seconds):
        try:
            yield connection
        finally:
            # Within the limit, as it may roll back; and even if the task is cancelled.
            await asyncio.shield(asyncio.ensure_future(connection.close()))


@asynccontextmanager
async def within(connection: AsyncConnection, seconds: float) -> AsyncGenerator[None]:
    """Limit how long the database may take for the block; it may do so on a server only.

    Args:
        connection: the connection that the block uses.
        seconds: the limit.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time; the connection is
            lost.
    """
    raw = await connection.get_raw_connection()
    hang_up = HangUp(connection.dialect, driver_of(connection.dialect, raw))
    timer = asyncio.get_running_loop().call_later(seconds, hang_up) if hang_up else None
    try:
        with hang_up.explaining(seconds):
            yield
    finally:
        if timer is not None:
            timer.cancel()
