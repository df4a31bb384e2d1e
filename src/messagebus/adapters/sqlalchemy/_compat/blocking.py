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
from .._hang_up import HangUp

__all__ = [
    "SyncConnection",
    "SyncEngine",
    "SyncSession",
    "SyncSessionFactory",
    "apart",
    "call",
    "close",
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
    hang_up = HangUp(connection.dialect, connection.connection.driver_connection)
    deadline = deadlines.add(seconds, hang_up) if hang_up else None
    try:
        with hang_up.explaining(seconds):
            yield
    finally:
        if deadline is not None:
            deadline.cancel()
