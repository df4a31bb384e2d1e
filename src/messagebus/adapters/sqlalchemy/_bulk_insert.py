"""Bulk insert with one statement for any number of rows, compiled once for each driver."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.engine import Dialect

MOST_ROWS = 1_000
"""The most rows in one statement for a server; a parameter must stay below one gigabyte."""

# The drivers known to accept such statements, and their parameter styles.
_STYLES = {
    "psycopg": "pyformat",
    "psycopg2": "pyformat",
    "asyncpg": "numeric_dollar",
    "pysqlite": "qmark",
    "aiosqlite": "qmark",
}

Row = Mapping[str, Any]
Bind = Callable[[Sequence[Row]], Any]
"""Returns the parameters for some rows, as their driver takes them."""


@lru_cache(maxsize=64)
def _compile(insert: sa.Insert, columns: tuple[str, ...], dialect: Dialect) -> tuple[str, Bind]:
    """Return the SQL that inserts rows, and a function from these rows to its parameters.

    It stores what SQLAlchemy Core would store.

    Args:
        insert: the statement, without values.
        columns: the columns of each row.
        dialect: the dialect of the database and its driver.
    """
    types = {name: insert.table.c[name].type for name in columns}
    each_or_all = _compile_each if dialect.name == "sqlite" else _compile_all
    return each_or_all(insert, types, dialect)


def _compile_each(
    insert: sa.Insert, types: Mapping[str, sa.types.TypeEngine[Any]], dialect: Dialect
) -> tuple[str, Bind]:
    """Compile a statement for one row, which is executed many times."""
    compiled: Any = insert.values({name: sa.bindparam(name) for name in types}).compile(
        dialect=dialect
    )
    processors = [
        (name, types[name].dialect_impl(dialect).bind_processor(dialect))
        for name in compiled.positiontup
    ]

    def bind(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        return [
            tuple(
                [row[key] if process is None else process(row[key]) for key, process in processors]
            )
            for row in rows
        ]

    return str(compiled), bind


def _compile_all(
    insert: sa.Insert, types: Mapping[str, sa.types.TypeEngine[Any]], dialect: Dialect
) -> tuple[str, Bind]:
    """Compile a statement for any number of rows, which are a JSON array in one parameter.

    A list of values would be another statement for each number of rows, and a parameter for each
    value, which the client must bind and the server must parse. An array for each column is slower,
    too: psycopg writes arrays in Python.
    """
    # A document is a string in the array, so that it is stored as the serializer of the engine
    # writes it, which SQLAlchemy keeps in a private attribute alone.
    serialize: Callable[[Any], str] = getattr(dialect, "_json_serializer", None) or json.dumps
    documents = {name for name, each in types.items() if isinstance(each, sa.JSON)}
    sent = {name: sa.Text() if name in documents else each for name, each in types.items()}
    array = sa.cast(sa.bindparam("rows", type_=sa.Text), sa.JSON)
    rows = (
        sa.func.json_to_recordset(array)
        .table_valued(
            sa.column("number", sa.Integer),
            *(sa.column(name, each) for name, each in sent.items()),
        )
        .render_derived(name="row", with_types=True)
    )
    values = [
        sa.cast(rows.c[name], each) if name in documents else rows.c[name]
        for name, each in types.items()
    ]
    # The database numbers the rows in the order in which it finds them.
    found = sa.select(*values).order_by(rows.c.number)
    compiled: Any = insert.from_select(list(types), found).compile(dialect=dialect)
    others, order = compiled.params, compiled.positiontup

    def bind(rows: Sequence[Row]) -> Any:
        numbered = [{**row, "number": number} for number, row in enumerate(rows)]
        for row in numbered:
            for name in documents:
                row[name] = serialize(row[name])
        parameters = {**others, "rows": to_json(numbered).decode()}
        return tuple(itemgetter(*order)(parameters)) if dialect.positional else parameters

    return str(compiled), bind


def insert_rows(connection: sa.Connection, insert: sa.Insert, rows: Sequence[Row]) -> None:
    """Insert rows in order.

    Args:
        connection: a connection.
        insert: the statement, without values.
        rows: at least one row; all have the same columns.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
    """
    dialect = connection.dialect
    is_usual = _STYLES.get(dialect.driver) == dialect.paramstyle
    is_moved = "schema_translate_map" in connection.get_execution_options()
    if is_moved or not is_usual:
        connection.execute(insert, rows)
        return
    statement, bind = _compile(insert, tuple(rows[0]), dialect)
    # One round trip for all rows of a server; SQLite, without a server, is faster row by row.
    for start in range(0, len(rows), MOST_ROWS):
        parameters = bind(rows[start : start + MOST_ROWS])
        connection.exec_driver_sql(statement, parameters).close()
