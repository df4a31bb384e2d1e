"""The tables of the eventstore, which is also the outbox, and of the lease of its relay."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from ...exceptions import MissingTableError

PENDING = "pending"
"""The state of a published message that waits to be sent."""
SENT = "sent"
"""The state of a published message that the broker has confirmed."""
PARKED = "parked"
"""The state of a published message that could not be sent and lets the others pass."""
DISCARDED = "discarded"
"""The state of a parked message that someone decided not to send."""

RELAY = "relay"
"""The name of the only row in the lease table."""


@dataclass(frozen=True)
class OutboxTables:
    """The tables of one outbox.

    Attributes:
        messages: every handled message, with the delivery state of the published ones.
        lease: one row that names the relay that may send.
    """

    messages: sa.Table
    lease: sa.Table

    @property
    def channel(self) -> str:
        """The channel for NOTIFY and LISTEN on PostgreSQL."""
        return self.messages.name


class _UtcText(sqlite.DATETIME):
    """A point in time as SQLite stores it: a text in UTC, with the offset."""

    # Alembic writes a migration from the module and the repr: one that needs no import of ours, and
    # that type checkers accept, which they do not where SQLAlchemy's own DATETIME is called.
    __module__ = "sqlalchemy.types"

    def __init__(self) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            storage_format="%(year)04d-%(month)02d-%(day)02d "
            "%(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06d+00:00"
        )

    def __repr__(self) -> str:
        return "DateTime()"


_Position = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(_UtcText(), "sqlite")
"""The type of a point in time; values must be in UTC."""


def in_state(messages: sa.Table, state: str) -> sa.ColumnElement[bool]:
    """Return the condition that a message is in a state, in a form that a partial index serves."""
    # Query planners match the index by the constant; a parameter would hide it.
    return messages.c.state == sa.literal_column(f"'{state}'", sa.String)


def define_tables(
    metadata: sa.MetaData, *, prefix: str = "messagebus_", schema: str | None = None
) -> OutboxTables:
    """Define the tables of an outbox in a *MetaData*, such as the one of the application.

    Args:
        metadata: receives the tables.
        prefix: the prefix of their names.
        schema: their schema; by default that of the *MetaData*.

    Returns:
        The tables, for the unit of work and the relay.
    """
    options: dict[str, Any] = {"schema": schema, "sqlite_autoincrement": True}
    name = f"{prefix}messages"
    messages = sa.Table(
        name,
        metadata,
        sa.Column("position", _Position, sa.Identity(always=False), primary_key=True),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(7), nullable=False, comment="command or event"),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON, byte for byte as it is sent"),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("causation_id", sa.Uuid, comment="the message whose handling raised it"),
        sa.Column("correlation_id", sa.Uuid, nullable=False, comment="the first of its cascade"),
        sa.Column("state", sa.String(9), comment="how far a published message has come"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", TIME),
        sa.Column("delivered_at", TIME),
        sa.Column("parked_at", TIME),
        sa.Column("reason", sa.Text, comment="what went wrong the last time"),
        sa.UniqueConstraint("message_id", name=f"{prefix}message_id_key"),
        **options,
    )
    # Partial indexes hold only what is left to do, however many messages were sent.
    for each in (PENDING, PARKED):
        where = in_state(messages, each)
        sa.Index(
            f"{prefix}{each}_idx", messages.c.position, postgresql_where=where, sqlite_where=where
        )
    lease = sa.Table(
        f"{prefix}lease",
        metadata,
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False, comment="grows with each holder"),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("listening", sa.Boolean, nullable=False, comment="the holder sleeps"),
        sa.Column("sending_from", _Position, comment="first position of the batch in flight"),
        sa.Column("sending_to", _Position, comment="last position of the batch in flight"),
        schema=schema,
    )
    return OutboxTables(messages, lease)


def create(connection: sa.Connection, tables: OutboxTables) -> None:
    """Create the tables that do not exist."""
    if connection.dialect.name == "postgresql":
        # Two processes that start at the same time must not both find them missing.
        key = zlib.crc32(tables.messages.fullname.encode())
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    for table in (tables.messages, tables.lease):
        table.create(connection, checkfirst=True)


def ensure_exist(connection: sa.Connection, tables: OutboxTables) -> None:
    """Ensure that the tables exist.

    Raises:
        MissingTableError: a table does not exist.
    """
    inspector = sa.inspect(connection)
    for table in (tables.messages, tables.lease):
        if not inspector.has_table(table.name, table.schema):
            raise MissingTableError(table.fullname)


metadata: sa.MetaData = sa.MetaData()
"""The tables with their default names, for the migrations of an application."""

default_tables: OutboxTables = define_tables(metadata)
"""The tables with their default names."""
