"""From a URL to an engine that is ready for use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..adapters.sqlalchemy import prepare_sqlite
from ..exceptions import ConfigurationError, MissingExtraError

TEngine = TypeVar("TEngine", Engine, AsyncEngine)

# For each database the drivers of both colours, async first, and the extra that has them.
_DRIVERS = {
    "sqlite": ("sqlite+aiosqlite", "sqlite+pysqlite", "sqlite"),
    "postgresql": ("postgresql+psycopg", "postgresql+psycopg", "postgres"),
    "postgres": ("postgresql+psycopg", "postgresql+psycopg", "postgres"),
}


def async_engine(text: str, *, create: bool = False) -> AsyncEngine:
    """Return an engine for code that runs in an event loop.

    Args:
        text: the URL, with any driver or without one.
        create: create the file of SQLite, if there is none.

    Raises:
        ConfigurationError: it is no URL, or one of something else, or there is no such file, or it
            can not be opened.
        MissingExtraError: the driver is not installed.
    """
    return _engine(create_async_engine, text, 0, create)


def sync_engine(text: str, *, create: bool = False) -> Engine:
    """Return an engine for plain code.

    Args:
        text: the URL, with any driver or without one.
        create: create the file of SQLite, if there is none.

    Raises:
        ConfigurationError: it is no URL, or one of something else, or there is no such file, or it
            can not be opened.
        MissingExtraError: the driver is not installed.
    """
    return _engine(sa.create_engine, text, 1, create)


def _engine(new: Callable[..., TEngine], text: str, colour: int, create: bool) -> TEngine:
    try:
        url = make_url(text)
    except ArgumentError as error:
        problem = f"The database is given by a URL such as sqlite:///shop.db: {error}"
        raise ConfigurationError(problem) from error
    name = url.drivername.partition("+")[0]
    if name not in _DRIVERS:
        problem = f"The database is SQLite or PostgreSQL, not {name!r}"
        raise ConfigurationError(problem)
    if name == "sqlite":
        _ensure_file(url, create)
    drivers = _DRIVERS[name]
    try:
        return prepare_sqlite(new(url.set(drivername=drivers[colour]), pool_pre_ping=True))
    except ImportError as error:
        what = f"The database {name}"
        raise MissingExtraError(what, drivers[2]) from error


def _ensure_file(url: URL, create: bool) -> None:
    path: Any = url.database
    if not path or path.startswith(("file:", ":")):
        return
    if not create and not Path(path).exists():
        problem = f"There is no database {path}"
        raise ConfigurationError(problem)
    try:
        # The thread of aiosqlite, if it were the first to try, might outlive the event loop.
        sqlite3.connect(path).close()
    except sqlite3.OperationalError as error:
        problem = f"The database {path} can not be opened: {error}"
        raise ConfigurationError(problem) from error
