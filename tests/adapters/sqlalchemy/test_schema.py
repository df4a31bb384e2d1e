"""The tables: created once, by whom ever, and the same by a migration."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import ModifyTableOps
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.exc import StatementError

from messagebus.adapters.sqlalchemy import (
    UtcDateTime,
    define_tables,
    metadata,
    prepare_sqlite,
    sync_create_tables,
)
from tests._sync.adapters.sqlalchemy.shelves import publish, stored


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine on an empty database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'messages.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = prepare_sqlite(create_engine(url))
    yield engine
    engine.dispose()


def test_creating_the_tables_twice_is_creating_them_once(engine: Engine) -> None:
    """What is there is left as it is."""
    sync_create_tables(engine)
    publish(engine, "1")
    sync_create_tables(engine)

    assert 1 == len(stored(engine))


def test_processes_that_start_at_once_may_all_create_the_tables(engine: Engine) -> None:
    """They do not get into each other's way."""
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(sync_create_tables, engine) for _ in range(4)]:
            future.result()

    assert {"messagebus_messages", "messagebus_lease"} == set(sa.inspect(engine).get_table_names())


def test_a_migration_creates_the_same_tables(engine: Engine) -> None:
    """What Alembic generates from the metadata works, and leaves no difference."""
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        upgrade = produce_migrations(context, metadata).upgrade_ops
        assert upgrade is not None
        operations = Operations(context)
        pending: list[Any] = [*upgrade.ops]
        while pending:
            operation = pending.pop(0)
            if isinstance(operation, ModifyTableOps):
                pending = [*operation.ops, *pending]
            else:
                operations.invoke(operation)
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)

    publish(engine, "1")
    assert 1 == len(stored(engine))


def test_tables_may_be_in_a_schema(postgres_url: str) -> None:
    """Tables and their indexes are where they are said to be."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA messaging")
    tables = define_tables(sa.MetaData(), prefix="", schema="messaging")
    sync_create_tables(engine, tables)

    assert ["lease", "messages"] == sorted(sa.inspect(engine).get_table_names("messaging"))
    engine.dispose()


def test_times_come_back_in_utc(engine: Engine) -> None:
    """Whatever zone a time was given in, and whatever the zone of the session."""
    table = sa.Table("times", sa.MetaData(), sa.Column("time", UtcDateTime))
    time = datetime(2026, 7, 1, 12, 30, 15, 123456, timezone(timedelta(hours=5, minutes=30)))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        table.create(connection)
        connection.execute(sa.insert(table), [{"time": time}, {"time": None}])
        read, nothing = connection.scalars(sa.select(table.c.time))
        found = connection.scalars(sa.select(table.c.time).where(table.c.time == time)).all()

    assert (time, UTC, None) == (read, read.tzinfo, nothing)
    assert [time] == found


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    """Nobody guesses what was meant."""
    table = sa.Table("times", sa.MetaData(), sa.Column("time", UtcDateTime))
    with pytest.raises(StatementError, match="needs a time zone"), engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table).values(time=datetime(2026, 7, 1)))
