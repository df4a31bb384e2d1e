"""The tables: created once, and the same on every database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from messagebus import SyncMessageBus
from messagebus.adapters.sqlalchemy import (
    SyncOutboxRelay,
    SyncSQLAlchemyUnitOfWork,
    define_tables,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.testing.outbox import SyncRecorder
from tests._sync.adapters.sqlalchemy.shelves import publish, stored
from tests.library import BookBorrowed


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


def test_creating_the_tables_twice_has_no_effect(engine: Engine) -> None:
    """Existing tables are left unchanged."""
    sync_create_tables(engine)
    publish(engine, "1")
    sync_create_tables(engine)

    assert 1 == len(stored(engine))


def test_processes_that_start_at_once_may_all_create_the_tables(engine: Engine) -> None:
    """They do not disturb each other."""
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(sync_create_tables, engine) for _ in range(4)]:
            future.result()

    names = {table.name for table in tables}
    assert names == set(sa.inspect(engine).get_table_names())


def test_tables_may_be_in_a_schema(postgres_url: str) -> None:
    """Tables and indexes are created in it."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA messaging")
    tables = define_tables(sa.MetaData(), prefix="", schema="messaging")
    sync_create_tables(engine, tables)

    assert sorted(table.name.removeprefix("messagebus_") for table in tables) == sorted(
        sa.inspect(engine).get_table_names("messaging")
    )
    engine.dispose()


def test_times_come_back_in_utc(engine: Engine) -> None:
    """Neither the zone of the time nor that of the session matters."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            name = engine.url.database
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")
    engine.dispose()
    sync_create_tables(engine)
    time = datetime(2026, 7, 1, 12, 30, 15, 123456, timezone(timedelta(hours=5, minutes=30)))
    with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
        SyncMessageBus[Any]().handle(BookBorrowed(created_at=time), transaction)
        transaction.commit()
    transport = SyncRecorder()
    relay = SyncOutboxRelay(engine, transport)
    relay.drain()
    [record] = stored(engine)
    leader = relay.outbox.leader()
    assert leader is not None

    assert time == record.created_at
    assert "2026-07-01T07:00:15.123456+00:00" == transport.sent[0]["created_at"]
    assert [UTC] * 3 == [
        each.tzinfo
        for each in (record.created_at, record.delivered_at, leader.expires_at)
        if each is not None
    ]
