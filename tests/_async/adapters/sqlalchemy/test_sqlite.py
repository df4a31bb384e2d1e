"""SQLite: what a prepared engine guarantees, and what happens when it cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from messagebus import AsyncMessageBus, ConfigurationError
from messagebus.adapters.sqlalchemy import (
    READ_ONLY,
    AsyncOutboxRelay,
    async_create_tables,
    prepare_sqlite,
)
from messagebus.retry import Backoff
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored, stored_titles
from tests.bookshelf import Base
from tests.library import BookBorrowed, RegisterBook
from tests.running.aio import (
    AsyncEngine,
    background,
    create_all,
    eventually,
    new_engine,
    sqlite_url,
    together,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database is."""
    return tmp_path / "messages.db"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with the tables."""
    engine = new_engine(sqlite_url(path))
    await async_create_tables(engine)
    await create_all(engine, Base.metadata)
    yield engine
    await engine.dispose()


@pytest.fixture
async def full(engine: AsyncEngine) -> dict[str, int]:
    """Return the number of pages that the disk has; the database may take no more than that."""
    async with engine.connect() as connection:
        pages = await connection.scalar(sa.text("PRAGMA page_count"))
    disk = {"pages": pages + 1}

    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {disk['pages']}")

    sa.event.listen(getattr(engine, "sync_engine", engine), "begin", limit)
    return disk


async def test_an_engine_waits_for_whoever_writes_to_a_database_that_is_new(path: Path) -> None:
    """The first connection switches the journal mode, which is impossible during a write."""
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE others (value INTEGER)")
    writer.execute("BEGIN IMMEDIATE")
    end = Timer(0.2, writer.execute, ["COMMIT"])
    end.start()

    engine = new_engine(sqlite_url(path))
    async with engine.connect() as connection:
        mode = await connection.scalar(sa.text("PRAGMA journal_mode"))
    await engine.dispose()
    end.join()
    writer.close()

    assert "wal" == mode


@pytest.mark.parametrize(
    ("address", "mode"),
    [(":memory:", "memory"), ("file:{path}?nolock=1&uri=true", "delete")],
)
async def test_a_database_that_cannot_be_in_wal_is_refused(
    path: Path, address: str, mode: str
) -> None:
    """SQLite raises nothing: it answers with the mode that it keeps."""
    scheme = sqlite_url(path).partition(":")[0]
    engine = new_engine(f"{scheme}:///{address.format(path=path)}")
    with pytest.raises(ConfigurationError, match=f"stays in the journal mode '{mode}'"):
        await async_create_tables(engine)
    await engine.dispose()


@pytest.mark.parametrize("way", ["argument", "option"])
async def test_an_engine_in_autocommit_is_refused(path: Path, way: str) -> None:
    """Nothing could be rolled back; unit of work and relay say so when they are made."""
    if way == "argument":
        engine = new_engine(sqlite_url(path), isolation_level="AUTOCOMMIT")
    else:
        engine = new_engine(sqlite_url(path)).execution_options(isolation_level="AUTOCOMMIT")
    with pytest.raises(ConfigurationError, match="is in AUTOCOMMIT"):
        AsyncShelves(engine)
    with pytest.raises(ConfigurationError, match="is in AUTOCOMMIT"):
        AsyncOutboxRelay(engine, AsyncRecorder())
    await engine.dispose()


async def test_a_connection_that_is_refused_is_an_outage(
    engine: AsyncEngine, path: Path, transport: AsyncRecorder
) -> None:
    """Some drivers raise an OSError, which SQLAlchemy does not wrap; the relay tries again."""
    [event] = await publish(engine, "1")
    away = {"for": 3}
    relaying = new_engine(sqlite_url(path))

    def refuse(*_connecting: object) -> None:
        if away["for"]:
            away["for"] -= 1
            raise ConnectionRefusedError(111, "refused")

    sa.event.listen(getattr(relaying, "sync_engine", relaying), "do_connect", refuse)
    relay = AsyncOutboxRelay(relaying, transport, poll_interval=0.01, reconnect=Backoff(first=0.01))

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(arrived)
    await relaying.dispose()
    assert ([str(event.message_id)], 0) == (transport.ids, away["for"])


async def test_read_modify_write_loses_no_update(engine: AsyncEngine) -> None:
    """A transaction has its place among the writers from the beginning."""
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE counters (value INTEGER)"))
        await connection.execute(sa.text("INSERT INTO counters VALUES (0)"))

    async def count() -> None:
        for _ in range(20):
            async with engine.begin() as connection:
                value = await connection.scalar(sa.text("SELECT value FROM counters"))
                await connection.execute(
                    sa.text("UPDATE counters SET value = :value"), {"value": value + 1}
                )

    await together(count, count, count, count)

    async with engine.connect() as connection:
        assert 80 == await connection.scalar(sa.text("SELECT value FROM counters"))


async def test_a_reader_waits_for_no_writer(engine: AsyncEngine) -> None:
    """A reader sees what is committed while another transaction writes."""
    await publish(engine, "1")
    async with AsyncShelves(engine) as transaction:
        await transaction.session.execute(sa.text("INSERT INTO books VALUES ('1', 'Dune')"))
        assert 1 == len(await stored(engine))
        async with engine.execution_options(**READ_ONLY).connect() as connection:
            assert 0 == await connection.scalar(sa.text("SELECT count(*) FROM books"))
        await transaction.rollback()


async def test_foreign_keys_are_enforced(engine: AsyncEngine) -> None:
    """A reference to nothing is refused."""
    async with engine.begin() as connection:
        await connection.execute(
            sa.text("CREATE TABLE loans (book TEXT REFERENCES books (id))"),
        )
    with pytest.raises(IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(sa.text("INSERT INTO loans VALUES ('nothing')"))


async def test_a_savepoint_does_not_outlive_its_transaction(engine: AsyncEngine) -> None:
    """What was released within a transaction goes with it."""
    async with AsyncShelves(engine) as transaction:
        async with transaction.session.begin_nested():
            await transaction.session.execute(sa.text("INSERT INTO books VALUES ('1', 'Dune')"))
        await transaction.rollback()

    assert [] == await stored_titles(engine)


async def test_preparing_twice_is_preparing_once(path: Path, engine: AsyncEngine) -> None:
    """An engine that is prepared is returned as it is."""
    assert prepare_sqlite(engine) is engine
    async with engine.connect() as connection:
        assert "wal" == await connection.scalar(sa.text("PRAGMA journal_mode"))


async def test_a_full_disk_keeps_nothing_of_a_transaction(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], full: dict[str, int]
) -> None:
    """The commit fails with an error that says so, and succeeds once there is room."""
    command = RegisterBook(id="1", title="x" * 100_000)
    with pytest.raises(OperationalError, match="full"):
        async with AsyncShelves(engine) as transaction:
            await bus.handle(command, transaction)
            await transaction.commit()
    assert ([], []) == (await stored_titles(engine), await stored(engine))

    event = BookBorrowed(id="x" * 100_000)
    with pytest.raises(OperationalError, match="full") as caught:
        async with AsyncShelves(engine) as transaction:
            await bus.handle(event, transaction)
            await transaction.commit()
    assert ["Nothing of the transaction is stored, nothing of it will be sent."] == (
        caught.value.__notes__
    )

    full["pages"] = 10_000
    async with AsyncShelves(engine) as transaction:
        await bus.handle(command, transaction)
        await transaction.commit()
    assert 3 == len(await stored(engine))


async def test_a_relay_loses_nothing_while_its_database_cannot_be_written(
    path: Path, engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A message that cannot be claimed is not sent until the database can be written again."""
    events = await publish(engine, "1", "2", "3")
    broken = {"read_only": True}
    relaying = new_engine(sqlite_url(path))

    def forbid(connection: Any, *_rest: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA query_only = {int(broken['read_only'])}")
        cursor.close()

    sa.event.listen(getattr(relaying, "sync_engine", relaying), "checkout", forbid)
    relay = AsyncOutboxRelay(relaying, transport, poll_interval=0.01)

    async def suffers() -> bool:
        error = (await relay.status()).last_error
        return error is not None and "readonly" in error

    async def arrived() -> bool:
        return len(transport.sent) == 3

    async with background(relay.run, relay.stop):
        await eventually(suffers)
        assert [] == transport.tried
        broken["read_only"] = False
        await eventually(arrived)
    await relaying.dispose()

    assert [str(event.message_id) for event in events] == transport.ids


async def test_a_database_that_cannot_be_written_refuses_a_transaction(
    path: Path, engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """Reading goes on; what would be written is refused with an error that says so."""
    reading = new_engine(sqlite_url(f"file:{path}?mode=ro&uri=true"))
    with pytest.raises(OperationalError, match="readonly"):
        async with AsyncShelves(reading) as transaction:
            await bus.handle(BookBorrowed(), transaction)
            await transaction.commit()

    assert [] == await stored(reading)
    await reading.dispose()
