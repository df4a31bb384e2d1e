"""The clock that all who share a database share: that of the server, if there is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from .tables import TIME

_SERVER = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def clock(connection: sa.Connection) -> Any:
    """Return the present as a value, or as an expression that the server evaluates."""
    return _SERVER if connection.dialect.name == "postgresql" else datetime.now(UTC)


def later(connection: sa.Connection, wait: timedelta) -> Any:
    """Return a point in the future as a value, or as an expression that the server evaluates."""
    now = clock(connection)
    return now + (wait if isinstance(now, datetime) else sa.literal(wait, sa.Interval))


def present(connection: sa.Connection) -> datetime:
    """Ask for the present."""
    now = clock(connection)
    if isinstance(now, datetime):
        return now
    answer: datetime = connection.execute(sa.select(now)).scalar_one()
    return answer


def ticking(*, is_postgres: bool, wait: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
    """Return an expression for a point in the future, from when a statement is executed."""
    if is_postgres:
        return _SERVER + sa.literal(wait, sa.Interval) if wait else _SERVER
    return sa.bindparam(None, callable_=lambda: datetime.now(UTC) + wait, type_=TIME, unique=True)
