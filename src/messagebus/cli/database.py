"""Engines created from URLs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..adapters.sqlalchemy import prepare_sqlite
from ..exceptions import ConfigurationError, MissingExtraError

TEngine = TypeVar("TEngine", Engine, AsyncEngine)

# For each database the async driver, the sync driver, and the extra that installs both.
_DRIVERS = {
    "sqlite": ("sqlite+aiosqlite", "sqlite+pysqlite", "sqlite"),
    "postgresql": ("postgresql+psycopg", "postgresql+psycopg", "postgres"),
    "postgres": ("postgresql+psycopg", "postgresql+psycopg", "postgres"),
}


def new_engine(new: Callable[..., TEngine], text: str, *, create: bool = False) -> TEngine:
    """Create an engine.

    Args:
        new: *create_engine* or *create_async_engine*.
        text: the URL, with any driver or without one.
        create: create the SQLite file if it does not exist.

    Raises:
        ConfigurationError: the URL is not valid or not of a known database, or its file does not
            exist or cannot be opened.
        MissingExtraError: the driver is not installed.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        problem = f"The database must be given by a URL such as sqlite:///shop.db: {error}"
        raise ConfigurationError(problem) from error
    name = url.drivername.partition("+")[0]
    if name not in _DRIVERS:
        problem = f"The database must be SQLite or PostgreSQL, not {name!r}"
        raise ConfigurationError(problem)
    if name == "sqlite":
        _ensure_file(url, create)
    async_driver, sync_driver, extra = _DRIVERS[name]
    driver = async_driver if new is create_async_engine else sync_driver
    try:
        return prepare_sqlite(new(url.set(drivername=driver), connect_args={"connect_timeout": 5} if name.startswith("postgres") else {}))
    except ImportError as error:
        what = f"The database {name}"
        raise MissingExtraError(what, extra) from error


def _ensure_file(url: URL, create: bool) -> None:
    path: Any = url.database
    if not path or path.startswith(("file:", ":")):
        return
    if not create and not Path(path).exists():
        problem = f"There is no database {path}"
        raise ConfigurationError(problem)
    try:
        # If the thread of aiosqlite were the first to try, it might outlive the event loop.
        sqlite3.connect(path).close()
    except sqlite3.OperationalError as error:
        problem = f"The database {path} cannot be opened: {error}"
        raise ConfigurationError(problem) from error
