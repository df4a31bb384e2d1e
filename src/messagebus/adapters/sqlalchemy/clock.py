"""The clock that all users of a database share: that of its server, if there is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from .column_types import TIME

_SERVER = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def now(dialect: Dialect, wait: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
    """Return an expression for the time *wait* after the execution of its statement."""
    if dialect.name == "postgresql":
        return _SERVER + sa.literal(wait, sa.Interval) if wait else _SERVER
    return sa.bindparam(None, callable_=lambda: datetime.now(UTC) + wait, type_=TIME, unique=True)


def idle_limit(dialect: Dialect, duration: timedelta) -> sa.ColumnElement[bool]:
    """Return a condition that is always true, and limits how long its transaction may idle.

    On PostgreSQL the server then ends the transaction of a process that is frozen in the middle
    of it. As part of the first statement, this costs no round trip of its own.
    """
    if dialect.name != "postgresql":
        return sa.true()
    milliseconds = str(round(duration.total_seconds() * 1000))
    limited = sa.func.set_config("idle_in_transaction_session_timeout", milliseconds, True)
    # A subquery that depends on no row is evaluated once, before any row is read.
    return sa.select(limited).scalar_subquery().is_not(None)
