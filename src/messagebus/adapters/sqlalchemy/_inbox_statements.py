"""The statements of the inbox, each built once, with a text that does not depend on a batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from .clock import now
from .tables import OutboxTables

# A text that the server reads is sent in half of the time that drivers need for an array.
_ARRAY = sa.cast(sa.bindparam("ids", type_=sa.Text), sa.ARRAY(sa.Uuid))


class InboxStatements:
    """The statements of one inbox on one database.

    Their parameters are *consumer* and, of one message, *message_id*, or, of several, *ids*.

    Args:
        tables: the tables.
        dialect: the dialect of the database.
    """

    def __init__(self, tables: OutboxTables, dialect: Dialect) -> None:
        self._is_server = dialect.name == "postgresql"
        insert: Any = postgresql.insert if self._is_server else sqlite.insert
        consumer, present = sa.bindparam("consumer", type_=sa.String), now(dialect)
        inbox, attempts, letters = tables.inbox, tables.attempts, tables.dead_letters
        ids = self._ids()
        every = sa.select(consumer, ids).where(sa.text("1 = 1"))  # SQLite needs a condition
        as_text = sa.type_coerce(inbox.c.message_id, sa.Text)
        self.mark = (
            insert(inbox)
            .from_select(list(inbox.c.keys()), every.add_columns(present))
            .on_conflict_do_nothing()
            .returning(inbox.c.message_id if self._is_server else as_text)
        )
        self.marked = sa.select(inbox.c.message_id).where(
            inbox.c.consumer == consumer, self._is_among(inbox.c.message_id, ids)
        )
        arrivals = tables.arrivals
        note = insert(arrivals).values(before_first=0, before_following=0, noted_at=present)
        noted = {
            "before_first": arrivals.c.first,
            "before_following": arrivals.c.following,
            **{name: note.excluded[name] for name in ("first", "following", "noted_at")},
        }
        self.note = note.on_conflict_do_update(
            index_elements=list(arrivals.primary_key), set_=noted
        ).returning(arrivals.c.log, arrivals.c.before_first, arrivals.c.before_following)
        begun = {"attempts": attempts.c.attempts + 1, "last_at": present}
        self.begin_attempt = (
            insert(attempts)
            .values(consumer=consumer, attempts=2, last_at=present)
            .on_conflict_do_update(index_elements=list(attempts.primary_key), set_=begun)
            .returning(attempts.c.attempts)
        )
        self.unmark, self.forget = (
            sa.delete(table).where(
                table.c.consumer == consumer, self._is_among(table.c.message_id, ids)
            )
            for table in (inbox, attempts)
        )
        columns = [each for each in letters.c.keys() if each != "position"]  # noqa: SIM118
        self.bury = (
            insert(letters)
            .values({name: sa.bindparam(name) for name in columns} | {"buried_at": present})
            .on_conflict_do_nothing()
        )
        self.buried_keys = (
            sa.select(letters.c.ordering_key).where(letters.c.consumer == consumer).distinct()
        )

    def parameters(self, consumer: str, ids: Sequence[UUID]) -> dict[str, Any]:
        """Return the parameters for several messages.

        They are sorted: two transactions with the same messages would otherwise wait for each
        other.
        """
        some = sorted([each.hex for each in ids])
        listed = f"{{{','.join(some)}}}" if self._is_server else json.dumps(some)
        return {"consumer": consumer, "ids": listed}

    def among(self, ids: Iterable[UUID], returned: Sequence[Any]) -> set[UUID]:
        """Return those of some identifiers that *mark* has returned."""
        if self._is_server:
            return set(returned)
        known = {each.hex: each for each in ids}  # SQLAlchemy takes longer to create new ones
        return {known[each] for each in returned}

    def _is_among(self, column: sa.Column[UUID], ids: Any) -> sa.ColumnElement[bool]:
        if self._is_server:  # its index locks the rows in the order of the array
            return column == sa.any_(_ARRAY)
        return column.in_(sa.select(ids))

    def _ids(self) -> Any:
        if self._is_server:
            return sa.func.unnest(_ARRAY, type_=sa.Uuid).column_valued("id")
        text = sa.bindparam("ids", type_=sa.Text)
        return sa.func.json_each(text).table_valued(sa.column("value", sa.Uuid)).c.value


@lru_cache(maxsize=64)
def _statements(tables: OutboxTables, dialect: Dialect) -> InboxStatements:
    return InboxStatements(tables, dialect)


def statements_for(connection: sa.Connection, tables: OutboxTables) -> InboxStatements:
    """Return the statements of an inbox for a connection."""
    return _statements(tables, connection.dialect)
