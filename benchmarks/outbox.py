"""Rows of an outbox, written by hand and in bulk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import tables

_COMMAND = {"name": "register", "schema_version": 1, "published": False}
_EVENT = {"name": "registered", "schema_version": 1, "published": True}

_COLUMNS = (
    "message_id, created_at, name, schema_version, kind, metadata, payload, published, "
    "correlation_id, state, attempts"
)
_VALUES = "'registered', 1, 'event', {metadata}, :payload, true, {id}, :state, 0"
_FILL = {
    "postgresql": f"INSERT INTO messagebus_messages ({_COLUMNS}) SELECT gen_random_uuid(), now(), "  # noqa: S608
    + _VALUES.format(id="gen_random_uuid()", metadata="CAST(:metadata AS json)")
    + " FROM generate_series(1, :count)",
    "sqlite": "WITH RECURSIVE series(number) AS "  # noqa: S608
    "(SELECT 1 UNION ALL SELECT number + 1 FROM series WHERE number < :count) "
    f"INSERT INTO messagebus_messages ({_COLUMNS}) "
    "SELECT lower(hex(randomblob(16))), '2026-01-01 00:00:00.000000+00:00', "
    + _VALUES.format(id="lower(hex(randomblob(16)))", metadata=":metadata")
    + " FROM series",
}

CLAIM = (
    "SELECT position, message_id, created_at, name, schema_version, payload, causation_id, "
    "correlation_id FROM messagebus_messages WHERE state = 'pending' ORDER BY position LIMIT %s "
    "FOR UPDATE SKIP LOCKED"
)
"""Claims a batch of events on PostgreSQL, in the transaction that sends it."""
MARK = (
    "UPDATE messagebus_messages SET state = 'sent', delivered_at = clock_timestamp(), "
    "attempts = attempts + 1 WHERE position = ANY(%s)"
)
"""Marks the events at the given positions as sent."""


_TYPES = {
    "message_id": "uuid",
    "created_at": "timestamptz",
    "name": "text",
    "schema_version": "int",
    "kind": "text",
    "metadata": "json",
    "payload": "text",
    "published": "bool",
    "causation_id": "uuid",
    "correlation_id": "uuid",
    "state": "text",
}
INSERT_ARRAYS = (
    f"INSERT INTO messagebus_messages ({', '.join(_TYPES)}) "  # noqa: S608
    f"SELECT * FROM unnest({', '.join(f'%s::{each}[]' for each in _TYPES.values())}) "
    "RETURNING (SELECT pg_notify('messagebus_messages', '') FROM messagebus_lease "
    "WHERE name = 'relay' AND listening)"
)
"""Inserts messages on PostgreSQL with psycopg, and wakes an idle relay."""


def content(row: Any) -> dict[str, str]:
    """Return the message to send for a claimed row."""
    _, id, created_at, name, version, payload, cause, first = row
    return {
        "id": str(id),
        "created_at": created_at.isoformat(),
        "type": f"{name}_v{version}",
        "payload": payload,
        "causation_id": "null" if cause is None else str(cause),
        "correlation_id": str(first),
    }


def rows(id: str, count: int) -> list[dict[str, Any]]:
    """Return the rows of a command and of the events that it raised."""
    now = datetime.now(UTC)
    command = uuid4()
    payload = json.dumps({"id": id, "title": "A title"})

    def row(
        message: UUID, kind: str, metadata: dict[str, Any], cause: UUID | None
    ) -> dict[str, Any]:
        return {
            "message_id": message,
            "created_at": now,
            "name": metadata["name"],
            "schema_version": metadata["schema_version"],
            "kind": kind,
            "metadata": metadata,
            "payload": payload,
            "published": metadata["published"],
            "causation_id": cause,
            "correlation_id": command,
            "state": "pending" if metadata["published"] else None,
        }

    return [
        row(command, "command", _COMMAND, None),
        *(row(uuid4(), "event", _EVENT, command) for _ in range(count)),
    ]


def arrays(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Return the parameters of *INSERT_ARRAYS* for some rows."""
    columns = {name: [row[name] for row in rows] for name in _TYPES}
    columns["metadata"] = [json.dumps(each) for each in columns["metadata"]]
    return list(columns.values())


def insertion(dialect: str) -> sa.Insert | sa.sql.dml.ReturningInsert[Any]:
    """Return the statement that inserts messages and wakes an idle relay."""
    insert = sa.insert(tables.messages)
    if dialect != "postgresql":
        return insert
    lease = tables.lease.c
    wake = sa.select(sa.func.pg_notify(tables.channel, ""))
    return insert.returning(wake.where(lease.name == "relay", lease.listening).scalar_subquery())


def fill(engine: sa.Engine, count: int, state: str) -> None:
    """Insert *count* events into an outbox, all in one state."""
    values = {
        "count": count,
        "state": state,
        "metadata": json.dumps(_EVENT),
        "payload": json.dumps({"id": "1", "title": "A title"}),
    }
    with engine.begin() as connection:
        connection.execute(sa.text(_FILL[engine.dialect.name]), values)


def refill(engine: sa.Engine, count: int) -> None:
    """Replace the content of an outbox on PostgreSQL by *count* unsent events."""
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE messagebus_messages"))
    fill(engine, count, "pending")
