"""The deletion of sent messages is a service that delivery does not depend on."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish, stored
from tests.running.aio import AsyncEngine, background, eventually

REFUSING = {
    "sqlite": [
        "CREATE TRIGGER keep BEFORE DELETE ON messagebus_messages "
        "BEGIN SELECT RAISE(ABORT, 'nothing is deleted here'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'nothing is deleted here'; END $$",
        "CREATE TRIGGER keep BEFORE DELETE ON messagebus_messages "
        "FOR EACH ROW EXECUTE FUNCTION keep()",
    ],
}
ALLOWING = {
    "sqlite": "DROP TRIGGER keep",
    "postgresql": "DROP TRIGGER keep ON messagebus_messages",
}


async def test_a_deletion_that_fails_is_reported_and_holds_up_no_message(
    engine: AsyncEngine, transport: AsyncRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once, the status as long as it lasts; then the messages are deleted."""
    async with engine.begin() as connection:
        for statement in REFUSING[engine.dialect.name]:
            await connection.execute(sa.text(statement))
    relay = AsyncOutboxRelay(
        engine,
        transport,
        poll_interval=0.01,
        retention=timedelta(0),
        retention_interval=0.01,
    )

    async def arrived() -> bool:
        return len(transport.sent) == 2

    async def says_so() -> bool:
        status = await relay.status()
        return status.is_healthy and "nothing is deleted here" in (status.retention_error or "")

    async def is_empty() -> bool:
        return await stored(engine) == []

    async def says_nothing() -> bool:
        return (await relay.status()).retention_error is None

    async with background(relay.run, relay.stop):
        await publish(engine, "1")
        await eventually(says_so)
        await publish(engine, "2")
        await eventually(arrived)
        async with engine.begin() as connection:
            await connection.execute(sa.text(ALLOWING[engine.dialect.name]))
        await eventually(is_empty)
        await eventually(says_nothing)
    assert 1 == sum("nothing is deleted here" in each for each in caplog.messages)
