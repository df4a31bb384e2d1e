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
    "call",
    "close",
    "discard",
    "driver_connection",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

SyncSessionFactory = sessionmaker[SyncSession]


def call(
    target: T, function: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function with a connection or a session."""
    return function(target, *args, **kwargs)


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
