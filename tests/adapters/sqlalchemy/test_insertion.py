"""What is inserted in the words of the driver is what SQLAlchemy Core would have inserted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from messagebus import Event, Metadata
from messagebus.adapters.sqlalchemy import (
    SyncSQLAlchemyUnitOfWork,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.adapters.sqlalchemy.insertion import Insertion

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


ROWS = [
    row(1),
    row(2, published=False, state=None, causation_id=UUID(int=1)),
    row(3, created_at=datetime(1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    row(4, created_at=datetime(2026, 1, 1, tzinfo=EAST)),
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """Yield an engine on a database with the tables, and with another one attached to it."""
    engine = prepare_sqlite(sa.create_engine(f"sqlite:///{tmp_path / 'messages.db'}"))

    @sa.event.listens_for(engine, "connect")
    def attach(connection: Any, _record: object) -> None:
        connection.execute("ATTACH DATABASE ? AS other", [f"{tmp_path / 'other.db'}"])

    sync_create_tables(engine)
    yield engine
    engine.dispose()


def stored(engine: sa.Engine, schema: str = "main") -> list[tuple[Any, ...]]:
    """Return what the driver finds, but for the positions; leave nothing."""
    with engine.begin() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {schema}.messagebus_messages")  # noqa: S608
        rows = [tuple(row)[1:] for row in found]
        connection.exec_driver_sql(f"DELETE FROM {schema}.messagebus_messages")  # noqa: S608
    return rows


def test_rows_are_the_same_as_by_core(engine: sa.Engine) -> None:
    """Every value has the form in which SQLAlchemy finds it again."""
    insertion = Insertion(tables.messages, tuple(ROWS[0]), engine.dialect)
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.messages), ROWS)
    by_core = stored(engine)
    with engine.begin() as connection:
        insertion.execute(connection, ROWS)

    assert len(ROWS) == len(by_core)
    assert by_core == stored(engine)


def test_one_row_is_the_same_as_by_core(engine: sa.Engine) -> None:
    """A transaction may have handled a single message."""
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.messages), ROWS[:1])
    by_core = stored(engine)
    with engine.begin() as connection:
        Insertion(tables.messages, tuple(ROWS[0]), engine.dialect).execute(connection, ROWS[:1])

    assert by_core == stored(engine)


def test_messages_follow_a_table_that_is_moved_to_another_schema(engine: sa.Engine) -> None:
    """An engine that moves tables to a schema moves the messages there as well."""
    moved = engine.execution_options(schema_translate_map={None: "other"})
    sync_create_tables(moved)
    with SyncSQLAlchemyUnitOfWork[Any](moved) as transaction:
        transaction.eventstore.add(Sold())
        transaction.commit()

    assert [] == stored(engine)
    assert 1 == len(stored(engine, "other"))
