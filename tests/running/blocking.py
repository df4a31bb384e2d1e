"""Engines, and concurrent calls in threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from redis.sentinel import Sentinel as SyncSentinel
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine as SyncEngine
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import sessionmaker

from messagebus.adapters.sqlalchemy import prepare_sqlite

__all__ = [
    "PATIENCE",
    "SyncConnection",
    "SyncEngine",
    "SyncSentinel",
    "SyncSession",
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

pause = time.sleep


def sqlite_url(path: Path | str) -> str:
    """Return the URL of a database file."""
    return f"sqlite:///{path}"


def new_unprepared_engine(url: str) -> SyncEngine:
    """Return an engine as SQLAlchemy creates it."""
    return create_engine(url)


def new_engine(url: str, **options: Any) -> SyncEngine:
    """Return an engine, prepared if it is for SQLite."""
    return prepare_sqlite(create_engine(url, **options), busy_timeout=PATIENCE)


def call_with(connection: SyncConnection, function: Callable[..., T], *rest: Any) -> T:
    """Call a function with a connection."""
    return function(connection, *rest)


def create_all(engine: SyncEngine, metadata: MetaData) -> None:
    """Create the tables of the application."""
    metadata.create_all(engine)


def new_session_factory(engine: SyncEngine, **options: Any) -> sessionmaker[SyncSession]:
    """Return a factory of sessions."""
    return sessionmaker(engine, **options)


def together(*calls: Callable[[], T]) -> list[T]:
    """Make all calls concurrently; return their results in the order of the calls."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@contextmanager
def background(call: Callable[[], Any], stop: Callable[[], object]) -> Iterator[None]:
    """Run a call beside the block; stop it at the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        try:
            yield
        finally:
            stop()
            future.result(PATIENCE)


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: the condition does not hold in time.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def driver_connection(connection: SyncConnection) -> Any:
    """Return the driver's connection below a connection."""
    return connection.connection.driver_connection
