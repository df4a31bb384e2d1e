"""The preparation of an engine for SQLite, so that transactions can rely on what they read."""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import suppress
from sqlite3 import SQLITE_BUSY, OperationalError
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from ...exceptions import ConfigurationError

# An engine and the engines derived from it by execution options share a dialect.
_prepared: WeakSet[Dialect] = WeakSet()

TEngine = TypeVar("TEngine", Engine, AsyncEngine)

READ_ONLY = {"sqlite_begin": "BEGIN"}
"""Execution options of a connection that only reads; on SQLite it waits for no writer."""


def prepare_sqlite(engine: TEngine, *, busy_timeout: float = 5.0) -> TEngine:
    """Prepare an engine for SQLite; engines for other databases are left unchanged.

    Readers and the writer do not wait for each other (WAL). A transaction takes the write lock
    when it begins (BEGIN IMMEDIATE), so that what it reads stays true. Foreign keys are enforced.
    Transactions of a connection with the execution option ``sqlite_begin="BEGIN"`` may only read,
    and wait for no one.

    Args:
        engine: an async or sync engine that has not connected yet.
        busy_timeout: how long a transaction waits for the write lock, in seconds.

    Returns:
        The engine.
    """
    target = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    if target.dialect.name != "sqlite" or target.dialect in _prepared:
        return engine

    def connect(connection: Any, _record: object) -> None:
        # The driver must not open transactions itself: it would do so too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
        cursor.execute("PRAGMA foreign_keys = ON")
        try:
            _use_wal(cursor, busy_timeout, target.url)
        except BaseException:
            connection.close()  # the pool does not
            raise
        cursor.close()

    event.listen(target, "connect", connect)
    event.listen(target, "begin", _begin)
    event.listen(target, "invalidate", _roll_back)
    _prepared.add(target.dialect)
    return engine


def _use_wal(cursor: Any, patience: float, url: sa.URL) -> None:
    """Switch a database to WAL, unless it is; other processes may try at the same time.

    Raises:
        ConfigurationError: the database cannot be in WAL.
    """
    end = monotonic() + patience
    while True:
        cursor.execute("PRAGMA journal_mode")
        if cursor.fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            if (mode := cursor.fetchone()[0]) == "wal":
                return
            # SQLite does not raise: it answers with the mode that it keeps.
            text = f"The database {url!r} stays in the journal mode {mode!r}; it cannot be in WAL"
            advice = (
                "Use a file on a local disk, opened without the options nolock and immutable: "
                "without WAL, readers and the writer block each other."
            )
            raise ConfigurationError(text, advice=advice)
        except OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_BUSY or monotonic() > end:
                raise
            # The switch waits for no lock, whatever the timeout is; a transaction does.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))


def _roll_back(connection: Any, _record: object, _error: BaseException | None) -> None:
    """End the transaction of a connection that is invalidated, as for a cancelled task."""
    # Closing it is not enough: SQLite keeps the transaction and its lock until no cursor is left,
    # and the traceback of the error may hold a cursor for long.
    with suppress(Exception, CancelledError):
        connection.rollback()


def ensure_transactional(engine: Engine | AsyncEngine | sa.Connection) -> None:
    """Refuse an engine or a connection whose transactions would not hold what they promise.

    Raises:
        ConfigurationError: the engine is in AUTOCOMMIT, or it is for SQLite and was not given to
            *prepare_sqlite*.
    """
    url = engine.engine.url
    set_later = engine.get_execution_options().get("isolation_level")
    # SQLAlchemy keeps what *create_engine* was given in a private attribute alone.
    declared = getattr(engine.dialect, "_on_connect_isolation_level", None)
    if "AUTOCOMMIT" in (set_later, declared):
        text = f"The engine {url!r} is in AUTOCOMMIT, where no transaction can be rolled back"
        advice = "Leave out isolation_level='AUTOCOMMIT', or use another engine for the messages."
        raise ConfigurationError(text, advice=advice)
    if engine.dialect.name == "sqlite" and engine.dialect not in _prepared:
        text = f"The engine {url!r} is not prepared for SQLite"
        advice = (
            "Call messagebus.adapters.sqlalchemy.prepare_sqlite(engine) before it is used: "
            "by default, concurrent transactions overwrite each other's changes."
        )
        raise ConfigurationError(text, advice=advice)
