"""The relay keeps its pace, whatever the isolation level of the engine is."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, async_create_tables
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish
from tests.running.aio import AsyncEngine, new_engine


@pytest.mark.parametrize("option", [False, True])
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_a_relay_works_in_read_committed(
    postgres_url: str, transport: AsyncRecorder, level: str, option: bool
) -> None:
    """A stricter level of the engine would let the relay fail while writers are busy."""
    engine = new_engine(postgres_url, **({} if option else {"isolation_level": level}))
    if option:
        engine = engine.execution_options(isolation_level=level)
    await async_create_tables(engine)
    await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, transport)
    levels: list[Any] = []
    record = relay._batches._record

    async def looking(connection: Any) -> None:
        levels.append(await connection.scalar(sa.text("SHOW transaction_isolation")))
        await record(connection)

    relay._batches._record = looking  # type: ignore[method-assign]

    assert 1 == await relay.drain()
    assert {"read committed"} == set(levels)
    await engine.dispose()


class ConflictError(Exception):
    """The error of a driver."""

    sqlstate = "40001"


async def test_a_claim_that_meets_a_conflict_is_repeated_in_read_committed(
    postgres_url: str, transport: AsyncRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The isolation level of a single statement is the default of the database."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, transport)

    async def contend(*_arguments: Any) -> Any:
        raise OperationalError("UPDATE", {}, ConflictError())

    monkeypatch.setattr(relay._lease, "claim", contend)

    assert 1 == await relay.drain()
    assert relay._failures.last_error is None
    await engine.dispose()


class AsyncContended(AsyncOutboxRelay):
    """Loses to another transaction a few times."""

    conflicts = 3

    async def _send_next(self, *, patient: bool) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise OperationalError("UPDATE", {}, ConflictError())
        await super()._send_next(patient=patient)


async def test_a_conflict_is_no_outage(engine: AsyncEngine, transport: AsyncRecorder) -> None:
    """A transaction that was sacrificed to another one is tried again at once."""
    await publish(engine, "1")
    relay = AsyncContended(engine, transport)

    assert 1 == await relay.drain()
    assert 0 == relay._failures.outages


async def test_a_conflict_without_end_is_one(engine: AsyncEngine, transport: AsyncRecorder) -> None:
    """The relay does not try for ever without a pause."""
    relay = AsyncContended(engine, transport)
    relay.conflicts = 1000
    with pytest.raises(OperationalError):
        await relay.drain()
