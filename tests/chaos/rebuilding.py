"""A replay that is killed while it rebuilds a read model, and run again."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from messagebus import AsyncMessageBus, SyncMessageBus
from messagebus.adapters.sqlalchemy import (
    AsyncReplay,
    AsyncSQLAlchemyUnitOfWork,
    SyncReplay,
    SyncSQLAlchemyUnitOfWork,
    prepare_sqlite,
)

from .application import LONGEST_LIFE, Job, begin, new_engine
from .faults import REBUILDING, Fault, Point, Trap
from .ledger import Key, Ledger, Write, Written, new_bus
from .reading import applied, metadata
from .trial import Trial

TRANSACTIONS = 120
BATCH = 3
UNDISTURBED, KILLED = "undisturbed", "killed"
"""The names of the replays."""


def rebuild(job: Job, name: str, colour: str, fault: Fault | None, *, ends: bool) -> None:
    """Rebuild the read model.

    Args:
        job: names the database with the stored events and the read model.
        name: the name of the replay.
        colour: ``async`` or ``sync``.
        fault: the fault to trigger in the process.
        ends: whether the process ends when everything is applied, or waits to be killed.
    """
    begin(job)
    trap = Trap(fault)
    if colour == "async":
        asyncio.run(_rebuild(job, name, trap))
    else:
        _rebuild_in_thread(job, name, trap)
    if not ends:
        signal.pause()


async def _rebuild(job: Job, name: str, trap: Trap) -> None:
    url = job.database.replace("sqlite:", "sqlite+aiosqlite:")
    engine = prepare_sqlite(create_async_engine(url), busy_timeout=60)
    trap.watch(engine.sync_engine)

    async def apply(event: Written, uow: AsyncSQLAlchemyUnitOfWork[Any]) -> None:
        await uow.session.execute(_insert(event))

    bus = AsyncMessageBus[Any]()
    bus.add_listener(Written, apply)
    uow = AsyncSQLAlchemyUnitOfWork[Any](engine)
    async for _ in AsyncReplay(engine, bus, uow, name, batch_size=BATCH).run():
        trap.passes(Point.REPLAYED)
    await engine.dispose()


def _rebuild_in_thread(job: Job, name: str, trap: Trap) -> None:
    engine = new_engine(job.database)
    trap.watch(engine)

    def apply(event: Written, uow: SyncSQLAlchemyUnitOfWork[Any]) -> None:
        uow.session.execute(_insert(event))

    bus = SyncMessageBus[Any]()
    bus.add_listener(Written, apply)
    uow = SyncSQLAlchemyUnitOfWork[Any](engine)
    for _ in SyncReplay(engine, bus, uow, name, batch_size=BATCH).run():
        trap.passes(Point.REPLAYED)
    engine.dispose()


def _insert(event: Written) -> sa.Insert:
    values = {"writer": event.writer, "number": event.number, "part": event.part}
    return sa.insert(applied).values(values)


def kill_replays(trial: Trial, colour: str, kills: int) -> tuple[list[Key], list[Key]]:
    """Kill a replay at each of its fault points and at random moments; then let it end.

    Returns:
        The read model of an undisturbed replay, and that of the one that was killed.
    """
    chance = Random(trial.job.seed)
    metadata.create_all(trial.engine)
    _store(trial.engine)
    trial.await_success(trial.start(rebuild, UNDISTURBED, colour, None, ends=True))
    undisturbed = _take_read_model(trial.engine)
    for point in REBUILDING:
        fault = Fault(point, chance.randint(1, 4))
        trial.await_kill(trial.start(rebuild, KILLED, colour, fault, ends=False))
    for _ in range(kills):
        process = trial.start(rebuild, KILLED, colour, None, ends=False)
        time.sleep(chance.random() * 2 * LONGEST_LIFE)
        trial.kill(process)
    trial.await_success(trial.start(rebuild, KILLED, colour, None, ends=True))
    return undisturbed, _take_read_model(trial.engine)


def _store(engine: sa.Engine) -> None:
    bus = new_bus()
    for number in range(TRANSACTIONS):
        with Ledger(engine) as transaction:
            bus.handle(Write(writer=number % 3, number=number), transaction)
            transaction.commit()


def _take_read_model(engine: sa.Engine) -> list[Key]:
    with engine.begin() as connection:
        rows = connection.execute(sa.select(applied).order_by(applied.c.position)).all()
        connection.execute(sa.delete(applied))
    return [(row.writer, row.number, row.part) for row in rows]
