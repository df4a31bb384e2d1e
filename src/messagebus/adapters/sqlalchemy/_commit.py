"""The commit of a transaction: what was handled is written with what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ._bulk_insert import insert_rows
from .tables import RELAY, OutboxTables


def _wake(tables: OutboxTables) -> sa.Select[Any]:
    # Only a relay that sleeps has to be woken: while it works, no transaction takes the lock
    # that PostgreSQL holds over all commits that notify.
    lease = tables.lease.c
    wake = sa.func.pg_notify(tables.channel, "")
    return sa.select(wake).where(lease.name == RELAY, lease.listening)


def notify(connection: sa.Connection, tables: OutboxTables) -> None:
    """Wake the relay with the commit of the transaction, where the database can do so."""
    if connection.dialect.name == "postgresql":
        connection.execute(_wake(tables))


class Writer:
    """Writes the messages of transactions.

    Args:
        tables: where they go.
    """

    def __init__(self, tables: OutboxTables) -> None:
        self.tables = tables
        self._insert = sa.insert(tables.messages)
        # The insert wakes the relay by itself: that saves a round trip in each transaction.
        self._insert_and_notify = self._insert.returning(_wake(tables).scalar_subquery())

    def commit(self, session: Session, rows: Sequence[dict[str, Any]], *, published: bool) -> None:
        """Commit a session together with the messages that were handled.

        Args:
            session: what was done.
            rows: what was handled, in handling order.
            published: whether any of it is published.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it is not committed.
        """
        try:
            # What was changed is locked before the messages take their positions: among
            # transactions that change the same thing, the positions follow the commits.
            session.flush()
            if rows:
                connection = session.connection()
                notifies = published and connection.dialect.name == "postgresql"
                insert_rows(connection, self._insert_and_notify if notifies else self._insert, rows)
            session.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                error.add_note("Nothing of the transaction is stored, nothing of it will be sent.")
            raise

    def stored(self, session: Session, message_ids: Collection[UUID]) -> list[UUID]:
        """Tell which of some messages are stored already."""
        column = self.tables.messages.c.message_id
        return [*session.scalars(sa.select(column).where(column.in_(message_ids)))]


@lru_cache(maxsize=16)
def writer(tables: OutboxTables) -> Writer:
    """Return the writer for tables; its statements are made once, not for each unit of work."""
    return Writer(tables)
