"""A bulk insert writes what SQLAlchemy Core would write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from messagebus import Event, Metadata
from messagebus.adapters.sqlalchemy import (
    SyncSQLAlchemyUnitOfWork,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.adapters.sqlalchemy._bulk_insert import MOST_ROWS, insert_rows

EAST = timezone(timedelta(hours=2))


class Sold(Event):
    """An event."""

    metadata: Metadata = Metadata(name="sold", schema_version=1, published=True)


def row(number: int, **values: Any) -> dict[str, Any]:
    """Return a row of the eventstore."""
    return {
        "message_id": UUID(int=number),
        "created_at": datetime(2026, 1, 1, 12, microsecond=number, tzinfo=UTC),
        "name": "ä",
        "schema_version": 1,
        "kind": "event",
        "metadata": {"name": "ä", "parts": [1, None]},
        "payload": '{"a":"é"}',
        "published": True,
        "causation_id": None,
        "correlation_id": UUID(int=7),
        "state": "pending",
        **values,
    }


FEW = [
    row(1),
    row(2, published=False, state=None, causation_id=UUID(int=1)),
    row(3, created_at=datetime(1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    row(4, created_at=datetime(2026, 1, 1, tzinfo=EAST)),
    row(
        5,
        created_at=datetime.max.replace(tzinfo=UTC),
        payload='{"a":"\\\\ \\" \'\x01\n\U0001f600{},%s"}',
    ),
    row(6, metadata={"name": '\\ " \n\u2028', "number": 1.5e300, "more": [{}, 2**70]}),
]


MANY = [row(number) for number in range(MOST_ROWS + 1)]
INSERT = sa.insert(tables.messages)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Yield an engine on a database with the tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'messages.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = prepare_sqlite(sa.create_engine(url))
    sync_create_tables(engine)
    yield engine
    engine.dispose()


def stored(engine: sa.Engine, schema: str = "") -> list[tuple[Any, ...]]:
    """Return what the driver finds, but for the positions; leave nothing."""
    table = f"{schema}messagebus_messages"
    with engine.begin() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY position")  # noqa: S608
        rows = [tuple(row)[1:] for row in found]
        connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    return rows


@pytest.mark.parametrize("rows", [FEW[:1], FEW, MANY], ids=["one", "few", "many"])
def test_rows_are_the_same_as_by_core(engine: sa.Engine, rows: list[dict[str, Any]]) -> None:
    """Every value has the form in which SQLAlchemy finds it again, and the order is kept."""
    with engine.begin() as connection:
        connection.execute(INSERT, rows)
    by_core = stored(engine)
    with engine.begin() as connection:
        insert_rows(connection, INSERT, rows)

    assert len(rows) == len(by_core)
    assert by_core == stored(engine)


def test_any_number_of_rows_is_the_same_statement(engine: sa.Engine) -> None:
    """Client and server parse it once, whatever a transaction has to store."""
    seen = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def see(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT"):
            seen.append(statement)

    for number, rows in enumerate([FEW, MANY[:1], MANY[:MOST_ROWS]], 1):
        with engine.begin() as connection:
            insert_rows(connection, INSERT, rows)
            connection.rollback()
        assert number == len(seen)
    assert 1 == len(set(seen))


def test_metadata_are_written_by_the_serializer_of_the_engine(postgres_url: str) -> None:
    """An application that writes JSON in its own way finds it so."""
    engine = sa.create_engine(postgres_url, json_serializer=lambda _value: '{"my":   "own"}')
    sync_create_tables(engine)
    with engine.begin() as connection:
        insert_rows(connection, INSERT, FEW[:2])
        written = sa.cast(tables.messages.c.metadata, sa.Text)
        assert ['{"my":   "own"}'] * 2 == connection.scalars(sa.select(written)).all()
    engine.dispose()


def test_what_the_database_refuses_is_refused_in_the_same_way(engine: sa.Engine) -> None:
    """A duplicate raises the error of SQLAlchemy, and nothing is stored."""
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert_rows(connection, INSERT, [FEW[0], FEW[0]])

    assert [] == stored(engine)


@pytest.mark.parametrize("style", ["named", "format"])
def test_messages_are_stored_however_the_driver_is_given_them(
    style: Literal["named", "format"], tmp_path: Path, postgres_url: str
) -> None:
    """An engine may use another parameter style than the usual one of its driver."""
    url = f"sqlite:///{tmp_path / 'messages.db'}" if style == "named" else postgres_url
    engine = prepare_sqlite(sa.create_engine(url, paramstyle=style))
    sync_create_tables(engine)
    with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
        transaction.eventstore.add(Sold())
        transaction.commit()

    assert 1 == len(stored(engine))
    engine.dispose()


def test_messages_follow_a_table_that_is_moved_to_another_schema(tmp_path: Path) -> None:
    """An engine that moves tables to a schema moves the messages there as well."""
    engine = prepare_sqlite(sa.create_engine(f"sqlite:///{tmp_path / 'messages.db'}"))

    @sa.event.listens_for(engine, "connect")
    def attach(connection: Any, _record: object) -> None:
        connection.execute("ATTACH DATABASE ? AS other", [f"{tmp_path / 'other.db'}"])

    moved = engine.execution_options(schema_translate_map={None: "other"})
    for each in (engine, moved):
        sync_create_tables(each)
    with SyncSQLAlchemyUnitOfWork[Any](moved) as transaction:
        transaction.eventstore.add(Sold())
        transaction.commit()

    assert [] == stored(engine)
    assert 1 == len(stored(engine, "other."))
    engine.dispose()
