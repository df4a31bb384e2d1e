"""The sign of life of a leader: a lock that ends with its process."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ...._error_text import brief
from ....retry import Backoff
from .._compat.aio import AsyncConnection, AsyncEngine, apart, call, opened, within
from .._failures import log
from .._lock_file import LockFile
from ..engine import READ_ONLY
from ..tables import OutboxTables

_LOCKS = sa.table(
    "pg_locks",
    *map(sa.column, ("locktype", "database", "classid", "objid", "objsubid")),
    schema="pg_catalog",
)
_DATABASES = sa.table("pg_database", sa.column("oid"), sa.column("datname"), schema="pg_catalog")


class AsyncSignOfLife:
    """Tells whether the process of a leader has ended, long before its lease does.

    On PostgreSQL the leader holds an advisory lock whose key derives from its name, on a connection
    of its own outside of the pool. On SQLite it locks a file beside the database. Neither decides
    who leads: a relay that loses its lock although it lives is fenced like any other.

    Args:
        engine: connects to the database.
        tables: the outbox.
        holder: the name of this relay in the lease.
        interval: the time between two checks that the lock is still held, in seconds.
        patience: how long the database may take for a check, in seconds.

    Attributes:
        retries: the pauses before the lock is tried again.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        tables: OutboxTables,
        holder: str,
        interval: float,
        patience: float,
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._holder = holder
        self._interval = interval
        self._patience = patience
        self._checked = 0.0
        self._connection: AsyncConnection | None = None
        self._file: LockFile | None = None
        self._problem: str | None = None
        self.retries = Backoff(first=0.5, longest=60.0)
        self._failures = 0
        self._next_attempt = 0.0
        self._on_postgres = engine.dialect.name == "postgresql"
        self._acquire = sa.select(sa.func.pg_try_advisory_lock(_key(sa.literal(holder))))

    def column(self) -> sa.ColumnElement[bool]:
        """Return a column for the query of the lease: whether the lock of its holder is held."""
        if not self._on_postgres:
            return sa.true()
        # A look at the locks, not an attempt to take one: behind a pooler, the attempt might come
        # through the very session that holds the lock, and succeed.
        locks = _LOCKS.c
        database = sa.select(_DATABASES.c.oid).where(
            _DATABASES.c.datname == sa.func.current_database()
        )
        high, low = (sa.cast(half, sa.BigInteger) for half in (locks.classid, locks.objid))
        key = high.op("<<")(sa.literal_column("32")).op("|")(low)
        return (
            sa.exists()
            .select_from(_LOCKS)
            .where(
                locks.locktype == "advisory",
                locks.objsubid == 1,
                locks.database == database.scalar_subquery(),
                key == _key(self._tables.lease.c.holder),
            )
        )

    async def is_over(self, lease: sa.Row[Any]) -> bool:
        """Return whether the process of the holder of a lease has ended, as far as one can tell."""
        if self._on_postgres:
            return not lease.is_alive
        return (await self._lock_file()).was_left_by(lease.holder)

    async def give(self) -> bool:
        """Hold the lock; return whether it is held."""
        try:
            if not self._on_postgres:
                return (await self._lock_file()).hold(self._holder)
            present = monotonic()
            if self._connection is not None and present - self._checked < self._interval:
                return True
            if present < self._next_attempt:
                return False
            await self._hold_session()
        except (SQLAlchemyError, OSError) as error:
            await self._fail(error)
            return False
        self._checked, self._problem, self._failures = monotonic(), None, 0
        return True

    def withdraw(self) -> None:
        """Let the next leader lock the file; the lock of a session is in nobody's way."""
        if self._file is not None:
            self._file.release()

    async def close(self) -> None:
        """Release the lock."""
        self.withdraw()
        connection, self._connection = self._connection, None
        if connection is not None:
            await call(connection, _end)

    async def _hold_session(self) -> None:
        """Check the session that holds the lock; open one if there is none, or it was lost."""
        if self._connection is not None:
            try:
                async with within(self._connection, self._patience):
                    await self._connection.exec_driver_sql("SELECT 1")
                    await self._connection.rollback()
            except (SQLAlchemyError, OSError):
                await self.close()
            else:
                return
        # The pool may be too small for a connection that is never given back, and the server for
        # one more: then the pool must keep its own.
        connection = await opened(apart(self._engine), self._patience)
        try:
            await call(connection, sa.Connection.detach)
            async with within(connection, self._patience):
                await connection.execute(self._acquire)
                await connection.commit()
        except BaseException:
            await call(connection, _end)
            raise
        self._connection = connection

    async def _fail(self, error: Exception) -> None:
        """Report, once, that another relay has to wait for the end of the lease."""
        self._failures += 1
        self._next_attempt = monotonic() + self.retries.delay(self._failures)
        if brief(error) != self._problem:
            self._problem = brief(error)
            log.warning(
                "no lock for the leader, so the end of its process is not noticed: %s",
                self._problem,
                extra={"event": "relay.unlocked"},
            )
        await self.close()

    async def _lock_file(self) -> LockFile:
        """Return the lock of the database file."""
        if self._file is None:
            lease = self._tables.lease
            async with self._engine.execution_options(**READ_ONLY).connect() as connection:
                databases: Any = await connection.exec_driver_sql("PRAGMA database_list")
                paths = {row[1]: row[2] for row in databases}
            path = paths.get(lease.schema or "main") or paths["main"]
            self._file = LockFile(Path(f"{path}-{lease.name}"))
        return self._file


def _key(holder: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return the key of the advisory lock of a holder, a number of 64 bits."""
    return sa.func.hashtextextended(sa.literal("messagebus relay ").concat(holder), 0)


def _end(connection: sa.Connection) -> None:
    """End the session of a connection that belongs to no pool any more."""
    # SQLAlchemy leaves it open when it closes a detached connection of some drivers.
    session = connection.connection.dbapi_connection
    connection.close()
    if session is not None:
        with suppress(Exception):
            connection.dialect.do_close(session)
