"""The version of the tables is stored, checked at their first use, and upgraded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import (
    AsyncOutbox,
    AsyncOutboxRelay,
    Backoff,
    async_create_tables,
    async_upgrade_tables,
    tables,
)
from messagebus.adapters.sqlalchemy.tables import VERSION
from messagebus.exceptions import MissingColumnError, MissingTableError, TableVersionError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish, stored
from tests.running.aio import AsyncEngine, background, call_with, eventually, new_engine

NEVER = 3600.0  # seconds


async def execute(engine: AsyncEngine, *statements: str) -> None:
    """Execute statements in one transaction."""
    async with engine.begin() as connection:
        for each in statements:
            await connection.execute(sa.text(each))


async def version_of(engine: AsyncEngine) -> object:
    """Return the stored version."""
    async with engine.connect() as connection:
        return await connection.scalar(sa.select(tables.version.c.version))


async def commit_one(engine: AsyncEngine) -> None:
    """Use the unit of work for the first time."""
    await publish(engine, "1")


async def run_a_relay(engine: AsyncEngine) -> None:
    """Run a relay that is never stopped."""
    await AsyncOutboxRelay(engine, AsyncRecorder()).run()


USES = [async_create_tables, commit_one, run_a_relay]


async def test_the_version_is_stored_with_the_tables(engine: AsyncEngine) -> None:
    """A check can read it."""
    assert VERSION == await version_of(engine)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("table", "column"),
    [("messagebus_messages", "correlation_id"), ("messagebus_lease", "sending_to")],
)
async def test_a_column_that_is_missing_is_named(
    engine: AsyncEngine, use: Callable[..., Any], table: str, column: str
) -> None:
    """Tables of another version are told from a database that is away."""
    await execute(engine, f"ALTER TABLE {table} DROP COLUMN {column}")
    with pytest.raises(MissingColumnError, match=f"{table} has no column {column}") as caught:
        await use(engine)
    error = caught.value
    assert (table, (column,), VERSION) == (error.table, error.columns, error.version)
    assert "upgrade_tables(engine)" in error.__notes__[0]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE messagebus_version SET version = 4", "were changed, for they say version 4"),
        ("DROP TABLE messagebus_version", "are of version 1, and this package needs version 4"),
        ("DELETE FROM messagebus_version", "do not say their version"),
    ],
)
async def test_the_version_of_tables_that_lack_a_column_is_told(
    engine: AsyncEngine, statement: str, said: str
) -> None:
    """It tells earlier tables from tables that somebody has changed."""
    await execute(engine, "ALTER TABLE messagebus_messages DROP COLUMN reason", statement)
    with pytest.raises(MissingColumnError, match=said):
        await async_create_tables(engine)


async def test_a_column_that_a_relay_loses_ends_it(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """It checks the tables again when a statement does not find what it names."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01, reconnect=Backoff(first=0.01))

    async def leads() -> bool:
        return (await relay.status()).leading

    async def has_ended() -> bool:
        return not (await relay.status()).running

    with pytest.raises(MissingColumnError, match="no column attempts"):
        async with background(relay.run, relay.stop):
            await eventually(leads)
            await publish(engine, "1")
            await execute(engine, "ALTER TABLE messagebus_messages DROP COLUMN attempts")
            await publish(engine, "2")
            await eventually(has_ended)


@pytest.mark.parametrize("use", [*USES, async_upgrade_tables])
async def test_tables_of_a_later_version_are_refused(
    engine: AsyncEngine, use: Callable[..., Any]
) -> None:
    """Nobody knows here what they need."""
    await execute(engine, "UPDATE messagebus_version SET version = 99")
    with pytest.raises(TableVersionError, match="is of version 99") as caught:
        await use(engine)
    assert (99, VERSION) == (caught.value.version, caught.value.needed)
    await execute(engine, "DELETE FROM messagebus_version")
    assert [] == await stored(engine)


async def test_a_unit_of_work_says_that_the_tables_are_missing(database_url: str) -> None:
    """Its first commit does."""
    engine = new_engine(database_url)
    with pytest.raises(MissingTableError, match="messagebus_messages does not exist"):
        await publish(engine, "1")
    await async_create_tables(engine)
    await publish(engine, "1")
    assert 1 == len(await stored(engine))
    await engine.dispose()


@pytest.mark.parametrize(
    "without", ["DROP TABLE messagebus_version", "DELETE FROM messagebus_version"]
)
async def test_tables_that_do_not_say_their_version_are_known_by_their_columns(
    engine: AsyncEngine, transport: AsyncRecorder, without: str
) -> None:
    """Version 1 did not store it, and a migration that Alembic wrote does not."""
    await execute(engine, without)
    await publish(engine, "1")
    assert 1 == await AsyncOutboxRelay(engine, transport).drain()

    await async_upgrade_tables(engine)
    assert VERSION == await version_of(engine)
    assert 1 == len(await stored(engine))


async def test_version_3_had_no_table_of_arrivals(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """What needs the tables says so, and an upgrade creates it."""
    await execute(
        engine, "DROP TABLE messagebus_arrivals", "UPDATE messagebus_version SET version = 3"
    )
    with pytest.raises(MissingTableError, match="messagebus_arrivals does not exist"):
        await publish(engine, "1")
    await async_upgrade_tables(engine)
    await publish(engine, "1")
    assert 1 == await AsyncOutboxRelay(engine, transport).drain()
    assert VERSION == await version_of(engine)


async def test_an_upgrade_adds_what_earlier_tables_lack(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Columns, indexes and the version; messages that were stored before are sent."""
    await publish(engine, "1")
    await execute(
        engine,
        "DROP INDEX messagebus_parked_idx",
        *(
            f"ALTER TABLE messagebus_messages DROP COLUMN {name}"
            for name in ("correlation_id", "attempts", "reason", "traceparent", "tracestate")
        ),
        "ALTER TABLE messagebus_lease DROP COLUMN sending_to",
        "DROP TABLE messagebus_version",
    )
    await async_upgrade_tables(engine)
    await async_upgrade_tables(engine)

    assert 1 == await AsyncOutboxRelay(engine, transport).drain()
    [message] = await stored(engine)
    assert message.message_id == message.correlation_id
    assert (1, None) == (message.attempts, message.reason)
    async with engine.connect() as connection:
        assert "messagebus_parked_idx" in await call_with(connection, index_names)
    assert VERSION == await version_of(engine)


def index_names(connection: sa.Connection) -> set[str | None]:
    """Return the names of the indexes of the messages."""
    return {each["name"] for each in sa.inspect(connection).get_indexes("messagebus_messages")}


async def test_an_upgrade_refuses_to_invent_values(engine: AsyncEngine) -> None:
    """Nothing is changed then."""
    await execute(
        engine,
        "ALTER TABLE messagebus_messages DROP COLUMN payload",
        "ALTER TABLE messagebus_messages DROP COLUMN reason",
    )
    with pytest.raises(MissingColumnError, match="no column payload") as caught:
        await async_upgrade_tables(engine)
    assert "backup" in caught.value.__notes__[0]
    with pytest.raises(MissingColumnError, match="no column payload, reason"):
        await async_create_tables(engine)


async def test_an_upgrade_of_nothing_creates_the_tables(
    database_url: str, transport: AsyncRecorder
) -> None:
    """One command serves for both."""
    engine = new_engine(database_url)
    await async_upgrade_tables(engine)
    await publish(engine, "1")
    assert 1 == await AsyncOutboxRelay(engine, transport).drain()
    await engine.dispose()


async def test_an_engine_checks_the_tables_once(engine: AsyncEngine) -> None:
    """Later commits execute not one statement more."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    await publish(engine, "1")
    sa.event.listen(getattr(engine, "sync_engine", engine), "before_cursor_execute", note)
    await publish(engine, "2")
    assert 1 == len([each for each in statements if not each.startswith("BEGIN")])


async def test_who_may_not_read_the_version_may_still_commit(postgres_url: str) -> None:
    """A right to the messages is enough; the columns decide."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    await execute(
        engine,
        "GRANT SELECT, INSERT ON messagebus_messages TO pg_monitor",
        "GRANT SELECT ON messagebus_lease TO pg_monitor",
    )
    writer = new_engine(postgres_url, connect_args={"options": "-c role=pg_monitor"})
    await publish(writer, "1")
    assert 1 == len(await stored(engine))
    for each in (writer, engine):
        await each.dispose()


async def test_everything_follows_tables_that_are_moved_to_another_schema(
    postgres_url: str, transport: AsyncRecorder
) -> None:
    """Creating, committing, relaying, notifying and upgrading apply the map of the engine."""
    engine = new_engine(postgres_url)
    await execute(engine, "CREATE SCHEMA shop")
    moved = engine.execution_options(schema_translate_map={None: "shop"})
    with pytest.raises(MissingTableError, match=r"The table shop\.messagebus_messages does not"):
        await AsyncOutboxRelay(moved, transport).drain()
    await async_create_tables(moved)
    await publish(moved, "1")
    assert 1 == await AsyncOutboxRelay(moved, transport).drain()

    await execute(engine, "ALTER TABLE shop.messagebus_messages DROP COLUMN reason")
    with pytest.raises(MissingColumnError, match=r"shop\.messagebus_messages has no column"):
        await AsyncOutboxRelay(moved, transport).drain()
    await async_upgrade_tables(moved)

    relay = AsyncOutboxRelay(moved, transport, poll_interval=NEVER, lease=NEVER)

    async def sleeps() -> bool:
        async with moved.connect() as connection:
            return bool(await connection.scalar(sa.select(tables.lease.c.listening)))

    async def arrived() -> bool:
        return len(transport.sent) == 2

    async with background(relay.run, relay.stop):
        await eventually(sleeps)
        await publish(moved, "2")
        await eventually(arrived)
    assert 0 == await AsyncOutbox(moved).replay()
    assert "shop.messagebus_messages" == tables.channel_for(moved.get_execution_options())
    await engine.dispose()
