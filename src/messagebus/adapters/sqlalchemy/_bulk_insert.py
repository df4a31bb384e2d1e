"""Bulk insert with a statement compiled once for each driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

MOST_ROWS = 16
"""The most rows in one statement for a server; each number has a statement of its own."""

# The drivers known to accept such statements, and their parameter styles.
_STYLES = {"psycopg": "pyformat", "pysqlite": "qmark", "aiosqlite": "qmark"}


class Insertion:
    """Inserts rows as SQLAlchemy Core does: with the same SQL and the same bound values.

    Args:
        insert: the statement, without values.
        columns: the columns of each row.
        count: the number of rows that one statement inserts.
        dialect: the dialect of the database and its driver.
    """

    def __init__(
        self, insert: sa.Insert, columns: Sequence[str], count: int, dialect: Dialect
    ) -> None:
        table: Any = insert.table
        fields = {
            f"row_{number}_{name}": (number, name) for number in range(count) for name in columns
        }
        values: list[dict[str, Any]] = [{} for _ in range(count)]
        for key, (number, name) in fields.items():
            values[number][name] = sa.bindparam(key, type_=table.c[name].type)
        compiled: Any = insert.values(values).compile(dialect=dialect)
        self._count = count
        self._statement = str(compiled)
        self._is_positional = dialect.positional
        # Parameters besides the rows; positional styles have none.
        self._others = {key: value for key, value in compiled.params.items() if key not in fields}
        self._keys = compiled.positiontup or list(fields)
        self._fields = [
            (
                *fields[key],
                table.c[fields[key][1]].type.dialect_impl(dialect).bind_processor(dialect),
            )
            for key in self._keys
        ]

    def execute(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; their number is a multiple of what one statement takes.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database refuses.
        """
        parameters: Any = [
            self._parameters(rows[start : start + self._count])
            for start in range(0, len(rows), self._count)
        ]
        if len(parameters) == 1:
            [parameters] = parameters
        connection.exec_driver_sql(self._statement, parameters).close()

    def _parameters(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...] | dict[str, Any]:
        values = [
            rows[number][name] if process is None else process(rows[number][name])
            for number, name, process in self._fields
        ]
        if self._is_positional:
            return tuple(values)
        return self._others | dict(zip(self._keys, values, strict=True))


_insertion = lru_cache(maxsize=4 * MOST_ROWS)(Insertion)


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
        _insertion(insert, tuple(rows[0]), count, dialect).execute(connection, rows)
    else:
        connection.execute(insert, rows)
