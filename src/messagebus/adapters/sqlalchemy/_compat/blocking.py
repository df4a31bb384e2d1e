"""SQLAlchemy and wake-ups, for plain code."""

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
    "SyncConnection",
    "SyncEngine",
    "SyncSession",
    "SyncSessionFactory",
    "SyncWakeUp",
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
    """Return the engine itself."""
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
    """Call a function with a session."""
    return function(session, *args, **kwargs)


def close(session: SyncSession) -> None:
    """Close a session."""
    session.close()


discard = close


def driver_connection(connection: SyncConnection) -> Any:
    """Return the driver's connection below a connection."""
    return connection.connection.driver_connection


class SyncWakeUp:
    """Ends the wait of one waiter; a wake-up that comes before the wait ends it at once.

    *wake* may be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        # Not an Event, whose lock may be held by the code that a signal handler interrupts.
        self._wake_ups: queue.SimpleQueue[None] = queue.SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one."""
        if self._wake_ups.empty():
            self._wake_ups.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for a wake-up, but no longer than *seconds*."""
        with contextlib.suppress(queue.Empty):
            self._wake_ups.get(timeout=seconds)

    def take(self) -> bool:
        """Return whether a wake-up has come since the last wait or take."""
        try:
            self._wake_ups.get_nowait()
        except queue.Empty:
            return False
        return True
