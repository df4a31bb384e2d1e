"""The commit of a transaction together with the messages it handled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from ...exceptions import DuplicateMessageError
from ._bulk_insert import insert_rows
from ._one_connection import connection_of
from .errors import add_advice
from .tables import RELAY, OutboxTables, ensure_once


@lru_cache(maxsize=64)
def wake_statement(tables: OutboxTables, channel: str) -> sa.Select[Any]:
    """Return the statement by which the commit of its transaction wakes the relay on PostgreSQL."""
    # Only an idle relay must be woken. While it works, no transaction takes the lock that
    # PostgreSQL holds across all commits that notify.
    lease = tables.lease.c
    notify = sa.func.pg_notify(channel, "")
    return sa.select(notify).where(lease.name == RELAY, lease.listening)


@lru_cache(maxsize=64)
def _insert(tables: OutboxTables, channel: str | None) -> sa.Insert:
    """Return the insert of messages, which wakes the relay without another round trip."""
    insert = sa.insert(tables.messages)
    if channel is None:
        return insert
    return insert.returning(wake_statement(tables, channel).scalar_subquery())


def commit(
    session: Session, tables: OutboxTables, rows: Sequence[dict[str, Any]], *, published: bool
) -> None:
    """Commit a session together with the messages it handled.

    Args:
        session: the session.
        tables: the outbox.
        rows: the messages, in handling order.
        published: whether any of them is published.

    Raises:
        DuplicateMessageError: a message is already stored; nothing is committed.
        ConfigurationError: the tables do not exist, or are of another version, or the session
            is bound to nothing for them; nothing is committed.
        sqlalchemy.exc.SQLAlchemyError: nothing is committed.
    """
    try:
        # The flush locks the changed rows before the messages take their positions. Among
        # transactions that change the same row, positions thus follow the commits.
        session.flush()
        if rows:
            connection = connection_of(session)
            ensure_once(connection, tables)
            wakes = published and connection.dialect.name == "postgresql"
            channel = tables.channel_for(connection.get_execution_options()) if wakes else None
            insert_rows(connection, _insert(tables, channel), rows)
        session.commit()
    except DBAPIError as error:
        add_advice(error)
        if not error.connection_invalidated:
            error.add_note("Nothing of the transaction is stored, nothing of it will be sent.")
        if isinstance(error, IntegrityError):
            session.rollback()
            column = tables.messages.c.message_id
            taken = sa.select(column).where(column.in_([row["message_id"] for row in rows]))
            if message_ids := connection_of(session).scalars(taken).all():
                raise DuplicateMessageError(message_ids) from error
        raise
