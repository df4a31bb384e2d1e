"""SQLAlchemy, for plain code."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine as SyncEngine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import sessionmaker

from .._deadlines import deadlines
from .._hang_up import HangUp, driver_of
from .._opening import opening_within

__all__ = [
    "SyncConnection",
    "SyncEngine",
    "SyncSession",
    "SyncSessionFactory",
    "apart",
    "call",
    "close",
    "connected",
    "opened",
    "within",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

SyncSessionFactory: TypeAlias = sessionmaker[SyncSession]


def apart(engine: SyncEngine) -> SyncEngine:
    """Return an engine that connects as another one does, with a pool of its own."""
    return SyncEngine(engine.pool.recreate(), engine.dialect, engine.url)


def call(
    target: T, function: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function with a connection or a session."""
    return function(target, *args, **kwargs)


def close(session: SyncSession) -> None:
    """Close a session."""
    session.close()


def opened(engine: SyncEngine, seconds: float) -> SyncConnection:
    """Return a connection, for whose opening the database may take no longer than its time.

    Args:
        engine: opens it, unless its pool has one to give.
        seconds: the limit for what follows connecting, which the driver limits.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time.
    """
    with opening_within(engine, seconds, deadlines.add):
        return engine.connect()


@contextmanager
def connected(engine: SyncEngine, seconds: float) -> Generator[SyncConnection]:
    """Connect for the block, for which the database may take no longer than its time.

    Args:
        engine: opens the connection, unless its pool has one to give.
        seconds: the limit for opening, and then the limit for the block and for the end of what
            it has begun.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time; the connection is
            lost.
    """
    connection = opened(engine, seconds)
    with within(connection, seconds):
        try:
            yield connection
        finally:
            connection.close()  # within the limit, as it may roll back


@contextmanager
def within(connection: SyncConnection, seconds: float) -> Generator[None]:
    """Limit how long the database may take for the block; it may do so on a server only.

    Args:
        connection: the connection that the block uses.
        seconds: the limit.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time; the connection is
            lost.
    """
    hang_up = HangUp(connection.dialect, driver_of(connection.dialect, connection.connection))
    deadline = deadlines.add(seconds, hang_up) if hang_up else None
    try:
        with hang_up.explaining(seconds):
            yield
    finally:
        if deadline is not None:
            deadline.cancel()
