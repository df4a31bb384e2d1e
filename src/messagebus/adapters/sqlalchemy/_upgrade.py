"""The creation of the tables, and the way from an earlier version of them to the present one."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from ...exceptions import MissingColumnError, TableVersionError
from .tables import (
    VERSION,
    OutboxTables,
    ensure_exist,
    missing_columns,
    name_of,
    schema_of,
    stored_version,
)

# The values of a column that was added, where those of another column will do.
_SUBSTITUTES = {"correlation_id": "message_id"}


def create(connection: sa.Connection, tables: OutboxTables) -> None:
    """Create the tables that do not exist.

    Raises:
        ConfigurationError: those that exist are of another version.
    """
    _lock(connection, tables)
    for table in tables:
        if table is not tables.version:
            table.create(connection, checkfirst=True)
    ensure_exist(connection, tables)
    tables.version.create(connection, checkfirst=True)


def upgrade(connection: sa.Connection, tables: OutboxTables) -> None:
    """Bring the tables from any earlier version to the present one; create those that are missing.

    Raises:
        MissingColumnError: a column is missing whose values nobody knows.
        TableVersionError: the tables are of a later version.
    """
    _lock(connection, tables)
    version = stored_version(connection, tables)
    if version is not None and version > VERSION:
        raise TableVersionError(name_of(tables.messages, connection), version, VERSION)
    for table in tables:
        table.create(connection, checkfirst=True)
        for column in missing_columns(connection, table) or ():
            _add(connection, table, column, version)
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    connection.execute(sa.delete(tables.version))
    connection.execute(sa.insert(tables.version).values(version=VERSION))


def _lock(connection: sa.Connection, tables: OutboxTables) -> None:
    """Let one process at a time change the tables; on SQLite, its transaction does so."""
    if connection.dialect.name == "postgresql":
        key = zlib.crc32(name_of(tables.messages, connection).encode())
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _add(connection: sa.Connection, table: sa.Table, name: str, version: int | None) -> None:
    schema = schema_of(table, connection.get_execution_options())
    moved = table.to_metadata(sa.MetaData(), schema=schema)  # type: ignore[arg-type]
    column = moved.c[name]
    is_required = not column.nullable and column.server_default is None
    if is_required and name not in _SUBSTITUTES:
        raise MissingColumnError(name_of(table, connection), [name], version, VERSION)
    column.nullable = column.nullable or is_required
    dialect = connection.dialect
    change = f"ALTER TABLE {dialect.identifier_preparer.format_table(moved)}"
    added = CreateColumn(column).compile(dialect=dialect)
    connection.exec_driver_sql(f"{change} ADD COLUMN {added}")
    if is_required:
        substitute = table.c[_SUBSTITUTES[name]]
        connection.execute(sa.update(table).values({name: substitute}))
        if dialect.name == "postgresql":  # SQLite cannot do so
            quoted = dialect.identifier_preparer.quote(name)
            connection.exec_driver_sql(f"{change} ALTER COLUMN {quoted} SET NOT NULL")
