"""What the database refuses a relay is reported with the reason, and ends or is waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff, async_create_tables
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish
from tests.running.aio import AsyncEngine, background, eventually, new_engine

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'permission denied' USING ERRCODE = '{code}'; END $$
"""
TRIGGER = """
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON messagebus_lease
FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on PostgreSQL."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    yield engine
    await engine.dispose()


async def refuse(engine: AsyncEngine, code: str) -> None:
    """Let the database refuse every change of the lease, with an error of that code."""
    async with engine.begin() as connection:
        await connection.execute(sa.text(FUNCTION.format(code=code)))
        await connection.execute(sa.text(TRIGGER))


async def allow(engine: AsyncEngine) -> None:
    """Undo *refuse*."""
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP TRIGGER refuse ON messagebus_lease"))


async def test_a_right_that_a_relay_never_had_ends_it(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Its error has the reason of the database, and the rights that are needed."""
    await refuse(engine, "42501")
    with pytest.raises(DBAPIError, match="permission denied") as caught:
        await AsyncOutboxRelay(engine, transport).run()
    assert "SELECT, INSERT, UPDATE and DELETE" in caught.value.__notes__[0]


async def test_draining_without_a_right_says_what_to_grant(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Who drains gets the advice as well."""
    await refuse(engine, "42501")
    with pytest.raises(DBAPIError, match="permission denied") as caught:
        await AsyncOutboxRelay(engine, transport).drain()
    assert "SELECT, INSERT, UPDATE and DELETE" in caught.value.__notes__[0]


async def test_a_right_that_a_relay_loses_is_waited_for(
    engine: AsyncEngine, transport: AsyncRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported as a refusal, and not as a database that is away, and told once it is back."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01, reconnect=Backoff(first=0.01))

    async def has_worked() -> bool:
        return len(transport.sent) == 1

    async def is_refused() -> bool:
        return relay._failures.outages > 2

    async def arrived() -> bool:
        return len(transport.sent) == 2

    await publish(engine, "0")
    async with background(relay.run, relay.stop):
        await eventually(has_worked)
        await refuse(engine, "42501")
        await eventually(is_refused)
        assert not [each for each in caplog.messages if "is back" in each]
        await allow(engine)
        await publish(engine, "1")
        await eventually(arrived)
    reports = [each for each in caplog.messages if "permission denied" in each]
    assert all(each.startswith("the database refuses the relay") for each in reports)
    assert "Grant the user" in reports[0]


async def test_a_transaction_that_must_be_repeated_is_repeated(
    engine: AsyncEngine, transport: AsyncRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """A serialization failure or a deadlock is not called an outage, and does not end a relay."""
    await publish(engine, "1")
    await refuse(engine, "40001")
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01)

    async def has_tried_again() -> bool:
        return relay._failures.outages > 1

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(has_tried_again)
        await allow(engine)
        await eventually(arrived)
    assert any("the database was busy" in each for each in caplog.messages)
    assert not any("not available" in each for each in caplog.messages)
