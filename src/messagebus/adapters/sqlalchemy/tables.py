"""The tables of the eventstore, which is also the outbox, of the inbox, and of their version."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from ...exceptions import MissingColumnError, MissingTableError, TableVersionError
from ._inbox_tables import define_inbox
from .column_types import POSITION, TIME
from .errors import Meaning, meaning_of

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

VERSION = 4
"""The version of the tables, which each change of them increases. Version 1 did not store it."""


# What was checked with each engine, known by its dialect.
_checked: WeakKeyDictionary[Dialect, set[Any]] = WeakKeyDictionary()


@dataclass(frozen=True)
class OutboxTables:
    """The tables of one outbox, and of the inbox beside it.

    Attributes:
        messages: every handled message, with the delivery state of the published ones.
        lease: one row that names the relay that may send.
        inbox: one row for each message that a consumer has handled or buried.
        attempts: one row for each message that a consumer has begun to handle more than once.
        arrivals: one row for each log that a consumer reads whose broker counts no deliveries, with
            the offsets that are in hand.
        dead_letters: the messages that a consumer could not handle.
        members: one row for each process of a consumer, and one for each partition it reads.
        replays: one row for each replay, with how far it has come.
        version: one row with the version of these tables.
    """

    messages: sa.Table
    lease: sa.Table
    inbox: sa.Table
    attempts: sa.Table
    arrivals: sa.Table
    dead_letters: sa.Table
    members: sa.Table
    replays: sa.Table
    version: sa.Table

    def __iter__(self) -> Iterator[sa.Table]:
        """Iterate over the tables in the order of their creation."""
        return iter(getattr(self, each.name) for each in fields(self))

    @property
    def channel(self) -> str:
        """The channel for NOTIFY and LISTEN on PostgreSQL."""
        return self.channel_for({})

    def channel_for(self, options: Mapping[str, Any]) -> str:
        """Return the channel for an engine or a connection, which may move the tables.

        Args:
            options: its execution options.
        """
        schema = schema_of(self.messages, options)
        name = self.messages.name if schema is None else f"{schema}.{self.messages.name}"
        # PostgreSQL refuses a longer one.
        return name if len(name.encode()) < 64 else f"messagebus_{zlib.crc32(name.encode()):08x}"


def schema_of(table: sa.Table, options: Mapping[str, Any]) -> str | None:
    """Return the schema in which the statements of an engine or connection find a table.

    Args:
        table: the table.
        options: the execution options of the engine or connection.
    """
    moved: Mapping[str | None, str | None] = options.get("schema_translate_map") or {}
    return moved.get(table.schema, table.schema)


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
        sa.Column("position", POSITION, sa.Identity(always=False), primary_key=True),
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
        sa.Column("ordering_key", sa.Text, comment="what it must stay in order with"),
        sa.Column("traceparent", sa.Text, comment="the W3C trace context it was published in"),
        sa.Column("tracestate", sa.Text),
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
        sa.Column("sending_from", POSITION, comment="first position of the batch in flight"),
        sa.Column("sending_to", POSITION, comment="last position of the batch in flight"),
        schema=schema,
    )
    version = sa.Table(
        f"{prefix}version",
        metadata,
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        schema=schema,
    )
    event.listen(version, "after_create", _store_version)
    inbox = define_inbox(metadata, prefix=prefix, schema=schema)
    return OutboxTables(messages, lease, **inbox, version=version)


def ensure_exist(connection: sa.Connection, tables: OutboxTables) -> None:
    """Ensure that the tables exist, in a version that this package can use.

    Raises:
        MissingTableError: a table does not exist.
        MissingColumnError: a column does not exist.
        TableVersionError: the tables are of a later version.
    """
    version = stored_version(connection, tables)
    if version is not None and version > VERSION:
        raise TableVersionError(name_of(tables.messages, connection), version, VERSION)
    # The columns decide on an earlier one: version 1 lacks nothing but the version.
    for table in tables:
        if table is tables.version:
            continue
        missing = missing_columns(connection, table)
        if missing is None:
            raise MissingTableError(name_of(table, connection))
        if missing:
            raise MissingColumnError(name_of(table, connection), missing, version, VERSION)


def ensure_once(connection: sa.Connection, tables: OutboxTables) -> None:
    """Ensure as *ensure_exist* does, the first time that an engine is used with the tables."""
    moved = connection.get_execution_options().get("schema_translate_map")
    key = (tables, tuple(moved.items()) if moved else None)
    checked = _checked.setdefault(connection.dialect, set())
    if key not in checked:
        ensure_exist(connection, tables)
        checked.add(key)


def name_of(table: sa.Table, connection: sa.Connection) -> str:
    """Return the name of a table, with the schema in which a connection finds it."""
    schema = schema_of(table, connection.get_execution_options())
    return table.name if schema is None else f"{schema}.{table.name}"


def missing_columns(connection: sa.Connection, table: sa.Table) -> list[str] | None:
    """Return the columns that a table lacks in the database; None if there is no such table."""
    # Of the catalog, which every user may read.
    schema = schema_of(table, connection.get_execution_options())
    try:
        columns = sa.inspect(connection).get_columns(table.name, schema)
    except NoSuchTableError:
        return None
    found = {column["name"] for column in columns}
    return [name for name in table.c.keys() if name not in found]  # noqa: SIM118


def stored_version(connection: sa.Connection, tables: OutboxTables) -> int | None:
    """Return the version of the tables in a database; None if it is unknown."""
    if missing_columns(connection, tables.version) is None:
        return 1
    try:
        with connection.begin_nested():
            version: int | None = connection.scalar(sa.func.max(tables.version.c.version).select())
    except DBAPIError as error:
        if meaning_of(error) is Meaning.CONFIGURATION:  # no right to read it
            return None
        raise
    return version


def _store_version(version: sa.Table, connection: sa.Connection, **_options: object) -> None:
    connection.execute(sa.insert(version).values(version=VERSION))


metadata: sa.MetaData = sa.MetaData()
"""The tables with their default names, for the migrations of an application."""

default_tables: OutboxTables = define_tables(metadata)
"""The tables with their default names."""
