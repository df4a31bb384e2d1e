"""Bulk insert with a statement compiled once for each driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

MOST_ROWS = 16
"""The most rows in one statement for a server; each number of rows has its own statement."""

# The drivers known to accept such statements, and their parameter styles.
_STYLES = {"psycopg": "pyformat", "pysqlite": "qmark", "aiosqlite": "qmark"}


@lru_cache(maxsize=4 * MOST_ROWS)
def _compile(
    insert: sa.Insert, columns: Sequence[str], count: int, dialect: Dialect
) -> tuple[str, Callable[[Sequence[Mapping[str, Any]]], Any]]:
    """Return the SQL that inserts rows, and a function from these rows to its parameters.

    Both are equal to what SQLAlchemy Core makes of them.

    Args:
        insert: the statement, without values.
        columns: the columns of each row.
        count: the number of rows.
        dialect: the dialect of the database and its driver.
    """
    types = {column.name: column.type for column in insert.table.c}
    fields = {f"row_{number}_{name}": (number, name) for number in range(count) for name in columns}
    values: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, (number, name) in fields.items():
        values[number][name] = sa.bindparam(key, type_=types[name])
    compiled: Any = insert.values(values).compile(dialect=dialect)
    # Parameters besides the rows; positional styles have none.
    others = {key: value for key, value in compiled.params.items() if key not in fields}
    keys = compiled.positiontup or list(fields)
    processors = {
        name: types[name].dialect_impl(dialect).bind_processor(dialect) for name in columns
    }
    ordered = [(*fields[key], processors[fields[key][1]]) for key in keys]

    def bind(rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...] | dict[str, Any]:
        bound = [
            rows[number][name] if process is None else process(rows[number][name])
            for number, name, process in ordered
        ]
        return tuple(bound) if dialect.positional else others | dict(zip(keys, bound, strict=True))

    return str(compiled), bind


def insert_rows(
    connection: sa.Connection, insert: sa.Insert, rows: Sequence[Mapping[str, Any]]
) -> None:
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
    # One round trip for all rows of a server; SQLite, without a server, is faster row by row.
    count = 1 if dialect.name == "sqlite" else len(rows)
    if is_usual and not is_moved and count <= MOST_ROWS:
        statement, bind = _compile(insert, tuple(rows[0]), count, dialect)
        parameters = [bind(rows[start : start + count]) for start in range(0, len(rows), count)]
        one_or_all = parameters[0] if len(parameters) == 1 else parameters
        connection.exec_driver_sql(statement, one_or_all).close()
    else:
        connection.execute(insert, rows)
