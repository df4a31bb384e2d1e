"""SQLAlchemy and waiting, for a thread."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine as SyncEngine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import sessionmaker

__all__ = [
    "SyncBell",
    "SyncConnection",
    "SyncEngine",
    "SyncSession",
    "SyncSessionFactory",
    "blocking_engine",
    "call",
    "close",
    "discard",
    "driver_connection",
    "run",
]

P = ParamSpec("P")
R = TypeVar("R")

SyncSessionFactory = sessionmaker[SyncSession]


def blocking_engine(engine: SyncEngine) -> Any:
    """Return the engine that does the work."""
    return engine


def run(
    engine: SyncEngine,
    function: Callable[Concatenate[SyncConnection, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a function with a connection, in a transaction of its own."""
    with engine.begin() as connection:
        return function(connection, *args, **kwargs)


def call(
    session: SyncSession,
    function: Callable[Concatenate[SyncSession, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a function that blocks with the session that does the work."""
    return function(session, *args, **kwargs)


def close(session: SyncSession) -> None:
    """Close a session."""
    session.close()


def discard(session: SyncSession) -> None:
    """Close a session, used or not."""
    session.close()


def driver_connection(connection: SyncConnection) -> Any:
    """Return the connection of the driver that one of SQLAlchemy stands on."""
    return connection.connection.driver_connection


class SyncBell:
    """Wakes who waits for it; one that is rung before is heard at once.

    It may be rung from any thread, and from a signal handler.
    """

    def __init__(self) -> None:
        # An Event is not safe in a signal handler: its lock may be held by who is interrupted.
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Wake who waits."""
        if self._rings.empty():
            self._rings.put(None)

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, but no longer than so many seconds."""
        with contextlib.suppress(queue.Empty):
            self._rings.get(timeout=seconds)

    def heard(self) -> bool:
        """Tell whether it was rung since somebody last waited or asked."""
        try:
            self._rings.get_nowait()
        except queue.Empty:
            return False
        return True
