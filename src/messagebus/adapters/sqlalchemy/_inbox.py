"""The inbox on a connection: marks, attempts and dead letters of consumers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from traceback import walk_tb
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..._error_text import errors_in
from ...inbox.dead_letter import DeadLetter
from ._inbox_statements import statements_for
from ._one_connection import connection_of
from .clock import now
from .errors import Meaning, add_advice, code_of, meaning_of
from .tables import OutboxTables, ensure_once

R = TypeVar("R")

_LONGEST = 100_000  # characters of a text

# A message whose handling takes too long, or hits a bug of the server, may cause these itself.
_OWN_FAULTS = ("57014", "25P03", "25P04", "XX")


def with_inbox(session: Session, tables: OutboxTables, function: Callable[..., R], *args: Any) -> R:
    """Call a function with the connection for the messages of a session, and its tables.

    Raises:
        ConfigurationError: the tables do not exist, or are of another version, or the session
            is bound to nothing for them.
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
    """
    try:
        connection = connection_of(session)
        ensure_once(connection, tables)
        return function(connection, tables, *args)
    except DBAPIError as error:
        add_advice(error)
        raise


def mark(
    connection: sa.Connection, tables: OutboxTables, consumer: str, ids: Sequence[UUID]
) -> set[UUID]:
    """Mark messages; return those that were not marked yet."""
    statements = statements_for(connection, tables)
    found = connection.scalars(statements.mark, statements.parameters(consumer, ids))
    # One call of the driver, instead of one for each row.
    return statements.among(ids, found.all())


def marked(
    connection: sa.Connection, tables: OutboxTables, consumer: str, ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of the messages that are marked."""
    statements = statements_for(connection, tables)
    return set(connection.scalars(statements.marked, statements.parameters(consumer, ids)))


def note(
    connection: sa.Connection, tables: OutboxTables, consumer: str, held: Mapping[str, range]
) -> dict[str, range]:
    """Note which offsets are in hand; return what was noted of these logs before.

    They are sorted: two transactions with the same logs would otherwise wait for each other.
    """
    rows = [
        {"consumer": consumer, "log": log, "first": each.start, "following": each.stop}
        for log, each in sorted(held.items())
    ]
    noted = connection.execute(statements_for(connection, tables).note, rows)
    return {log: range(first, following) for log, first, following in noted}


def begin_attempt(connection: sa.Connection, tables: OutboxTables, consumer: str, id: UUID) -> int:
    """Count an attempt; return its number, which is at least 2."""
    statement = statements_for(connection, tables).begin_attempt
    parameters = {"consumer": consumer, "message_id": id}
    return int(connection.execute(statement, parameters).scalar_one())


def forget(
    connection: sa.Connection, tables: OutboxTables, consumer: str, ids: Sequence[UUID]
) -> None:
    """Forget attempts."""
    statements = statements_for(connection, tables)
    connection.execute(statements.forget, statements.parameters(consumer, ids))


def bury(connection: sa.Connection, tables: OutboxTables, letter: DeadLetter) -> None:
    """Keep a dead letter once, and mark its message."""
    mark(connection, tables, letter.consumer, [letter.message_id])
    connection.execute(statements_for(connection, tables).bury, _letter_row(letter))
    forget(connection, tables, letter.consumer, [letter.message_id])


def buried_keys(connection: sa.Connection, tables: OutboxTables, consumer: str) -> set[str | None]:
    """Return the ordering keys of the dead letters of a consumer."""
    statement = statements_for(connection, tables).buried_keys
    return set(connection.scalars(statement, {"consumer": consumer}))


def prune(
    connection: sa.Connection, tables: OutboxTables, consumer: str, age: timedelta, limit: int
) -> int:
    """Delete what is older than *age*; return how many rows were deleted, at most *limit*."""
    statements = statements_for(connection, tables)
    letters, left = tables.dead_letters.c, limit
    for time, delete in (
        (tables.inbox.c.received_at, statements.unmark),
        (tables.attempts.c.last_at, statements.forget),
    ):
        column = time.table.c
        # Replaying the letter relies on the mark: without it, the original may come again.
        is_buried = sa.exists().where(
            letters.consumer == column.consumer, letters.message_id == column.message_id
        )
        old = (
            sa.select(column.message_id)
            .where(column.consumer == consumer, time < now(connection.dialect, -age), ~is_buried)
            .order_by(time)
            .limit(left)
            .with_for_update(skip_locked=True)
        )
        # In one statement, PostgreSQL may evaluate the limit more than once.
        if ids := connection.scalars(old).all():
            connection.execute(delete, statements.parameters(consumer, ids))
            left -= len(ids)
        if not left:
            return limit
    arrivals = tables.arrivals.c
    is_old = (arrivals.consumer == consumer, arrivals.noted_at < now(connection.dialect, -age))
    aged = sa.select(arrivals.log).where(*is_old).limit(left).with_for_update(skip_locked=True)
    if logs := connection.scalars(aged).all():
        of_logs = (arrivals.consumer == consumer, arrivals.log.in_(logs))
        connection.execute(sa.delete(tables.arrivals).where(*of_logs))
    return limit - left + len(logs)


def may_pass(failure: BaseException) -> bool:
    """Return whether an error, or one in it or that caused it, is the database's and may pass."""
    return any(map(_may_pass, errors_in(failure)))


def _may_pass(failure: BaseException) -> bool:
    error: BaseException | None = failure
    while error is not None:
        if _is_of_database(error) and not (code_of(error) or "").startswith(_OWN_FAULTS):
            return meaning_of(error) in {Meaning.AGAIN, Meaning.OUTAGE}
        error = error.__cause__
    return False


def _is_of_database(error: BaseException) -> bool:
    """Return whether an error is SQLAlchemy's, or was raised below it, as asyncpg's OSErrors are.

    A handler that connects to anything else raises an OSError as well.
    """
    if isinstance(error, SQLAlchemyError):
        return True
    frames = walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("sqlalchemy.") for frame, _ in frames)


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
    delivery, wire = letter.delivery, letter.wire
    read = {} if wire is None else {str(name): _plain(value) for name, value in wire.items()}
    return {
        "consumer": letter.consumer,
        "message_id": letter.message_id,
        "type": _text(read.get("type")),
        "ordering_key": _text(read.get("ordering_key")),
        "message": sa.null() if wire is None else read,
        "body": delivery.body,
        "headers": {str(name): _plain(value) for name, value in delivery.headers.items()},
        "origin": storable(delivery.origin),
        "attempts": letter.attempts,
        "error_type": storable(letter.error_type),
        "error": storable(letter.error),
        "traceback": None if letter.traceback is None else storable(letter.traceback),
        "created_at": _time(read.get("created_at")),
    }


def storable(text: str) -> str:
    """Return a text in a form that every database accepts, cut if nobody would read all of it."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return cut.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _plain(value: object) -> object:
    """Return a value that JSON and every database can hold."""
    return value if value is None or isinstance(value, (str, bool, int)) else str(value)


def _text(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    """Return the creation time of a wire message; None if it is not a point in time."""
    try:
        time = datetime.fromisoformat(value if isinstance(value, str) else "")
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None
