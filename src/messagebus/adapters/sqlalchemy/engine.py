"""Making an engine ready for transactions that can rely on what they read."""

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

# An engine and those derived from it by execution options have one dialect.
_prepared: WeakSet[Dialect] = WeakSet()

TEngine = TypeVar("TEngine", Engine, AsyncEngine)

READ_ONLY = {"sqlite_begin": "BEGIN"}
"""Execution options of a connection that only reads: on SQLite it waits for no writer."""


def prepare_sqlite(engine: TEngine, *, busy_timeout: float = 5.0) -> TEngine:
    """Make an engine ready for SQLite; one for another database is left as it is.

    Readers and the writer do not wait for each other (WAL), a transaction takes its place
    among the writers when it begins (BEGIN IMMEDIATE), so that what it has read stays true,
    and foreign keys are enforced. Transactions of a connection that has the execution option
    ``sqlite_begin="BEGIN"`` may only read, and wait for nobody.

    Args:
        engine: an engine of either colour that has not connected yet.
        busy_timeout: how long a transaction waits for its place, in seconds.

    Returns:
        The engine.
    """
    target = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    if target.dialect.name != "sqlite" or is_prepared(target):
        return engine

    def connect(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself: it would do so too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
        cursor.execute("PRAGMA foreign_keys = ON")
        _use_wal(cursor, busy_timeout)
        cursor.close()

    event.listen(target, "connect", connect)
    event.listen(target, "begin", _begin)
    event.listen(target, "invalidate", _roll_back)
    _prepared.add(target.dialect)
    return engine


def _use_wal(cursor: Any, patience: float) -> None:
    """Switch a database to WAL, if it is not; other processes may be about to do the same."""
    end = monotonic() + patience
    while True:
        cursor.execute("PRAGMA journal_mode")
        if cursor.fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_BUSY or monotonic() > end:
                raise
            # The switch does not wait for others, whatever the timeout is; a transaction does.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))


def _roll_back(connection: Any, _record: object, _error: BaseException | None) -> None:
    """End the transaction of a connection that is given up, as that of a cancelled task is."""
    # Closing it is not enough: SQLite keeps the transaction, with its lock, until no cursor is
    # left, and the traceback of the error may hold one for long.
    with suppress(Exception, CancelledError):
        connection.rollback()


def is_prepared(engine: Engine) -> bool:
    """Tell whether *prepare_sqlite* has been called for an engine."""
    return engine.dialect in _prepared


def ensure_prepared(engine: Engine) -> None:
    """Refuse an engine for SQLite that would lose updates.

    Raises:
        ConfigurationError: *prepare_sqlite* has not been called for it.
    """
    if engine.dialect.name == "sqlite" and not is_prepared(engine):
        text = f"The engine {engine.url!r} is not prepared for SQLite"
        error = ConfigurationError(text)
        error.add_note(
            "Call messagebus.adapters.sqlalchemy.prepare_sqlite(engine) before it is used: "
            "by default, concurrent transactions overwrite what others have written."
        )
        raise error
