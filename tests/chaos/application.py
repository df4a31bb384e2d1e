"""The processes to kill: writers with a relay, and a relay on its own."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from messagebus.adapters.factory import sync_transport_from_url
from messagebus.adapters.sqlalchemy import Backoff, SyncOutboxRelay, prepare_sqlite
from messagebus.cli import main
from messagebus.exceptions import TransportUnavailableError
from messagebus.inbox import ConsumerOptions
from tests.servers.process import die_with_parent

from .faults import Fault, Point, Trap, TrappedTransport
from .ledger import Ledger, Write, new_bus, next_number
from .seams import open_seams

DOOMED = 0.15  # the fraction of transactions that is rolled back
MANY = 1_000_000  # attempts: so many that frequent kills never park a message
LONGEST_LIFE = 0.3  # seconds
CALM_LEASE = 10.0  # seconds
LOST = "lost"
"""The file that grows by a byte whenever a relay loses its lease."""


@dataclass(frozen=True)
class Job:
    """The configuration that the processes of a trial share.

    Attributes:
        database: the URL of the database.
        transport: the URL of the stream.
        folder: the folder for the files that they write.
        seed: decides the actions of the writers and their timing.
        writers: the number of writers in each process.
        batch_size: the size of a relay's batches.
        lease: the time until another relay takes over from a killed one, in seconds.
        retention: whether sent messages are deleted.
        restarts: whether the database is restarted, so that writers must retry.
        pause: the longest pause of a writer between transactions, in seconds.
        relay_database: the URL by which relays of the command line reach the database, if it is
            another one.
        consumer_database: the URL of the database of the consumers, if there are any.
        source: the URL by which they read the stream.
        consumer: the further options of each consumer.
        life: the longest time until the next process is killed at random, in seconds.
    """

    database: str
    transport: str
    folder: Path
    seed: int
    writers: int = 3
    batch_size: int = 5
    lease: float = 0.2
    retention: bool = False
    restarts: bool = False
    pause: float = 0.02
    relay_database: str | None = None
    consumer_database: str = ""
    source: str = ""
    consumer: ConsumerOptions = field(default_factory=ConsumerOptions)
    life: float = LONGEST_LIFE


def application(job: Job, fault: Fault | None, transactions: int | None) -> None:
    """Write and relay in one process.

    Args:
        job: the configuration.
        fault: the fault to trigger in the process.
        transactions: the number of transactions per writer; endless by default.
    """
    if transactions is not None:  # nobody kills it, and a busy machine may hold it up
        job = replace(job, lease=CALM_LEASE)
    with _relay(job, fault) as (relay, trap), ThreadPoolExecutor(job.writers + 1) as pool:

        def published() -> None:
            trap.passes(Point.COMMITTED)
            relay.wake()

        relaying = pool.submit(relay.run)
        writing = [
            pool.submit(_write, job, relay.engine, writer, transactions, published)
            for writer in range(job.writers)
        ]
        try:
            for each in writing:
                each.result()
        finally:
            relay.stop()
        relaying.result()
        _drain(relay)


def _drain(relay: SyncOutboxRelay) -> None:
    """Send what is left. A broker that was restarted may answer too late; the trial has an end."""
    while True:
        try:
            relay.drain()
        except TransportUnavailableError:
            time.sleep(0.1)
        else:
            return


def writers(job: Job) -> None:
    """Only write, without an end."""
    begin(job)
    engine = new_engine(job.database)
    with ThreadPoolExecutor(job.writers) as pool:
        for writer in range(job.writers):
            pool.submit(_write, job, engine, writer, None, _nobody_to_tell)


def trapped_relay(job: Job, fault: Fault) -> None:
    """Run only a relay, until SIGTERM.

    Args:
        job: the configuration.
        fault: the fault to trigger in the process.
    """
    with _relay(job, fault) as (relay, _):
        signal.signal(signal.SIGTERM, lambda *_: relay.stop())
        relay.run()


def command_line(job: Job) -> None:
    """Run a relay by the command line, until SIGTERM."""
    begin(job)
    open_seams(job.folder)
    log = os.open(job.folder / "relay.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stderr.fileno())
    sys.exit(
        main(
            [
                "relay",
                f"--database={job.relay_database or job.database}",
                f"--transport={job.transport}",
                f"--batch-size={job.batch_size}",
                f"--lease={round(job.lease * 1000)}ms",
                "--poll-interval=20ms",
                f"--max-attempts={MANY}",
            ]
        )
    )


def new_engine(url: str) -> Engine:
    """Return an engine that waits long for the write lock."""
    return prepare_sqlite(create_engine(url, pool_size=16, pool_pre_ping=True), busy_timeout=60)


@contextmanager
def _relay(job: Job, fault: Fault | None) -> Iterator[tuple[SyncOutboxRelay, Trap]]:
    begin(job)
    trap = Trap(fault)
    engine = new_engine(job.database)
    trap.watch(engine)
    with TrappedTransport(sync_transport_from_url(job.transport), trap) as transport:
        yield (
            SyncOutboxRelay(
                engine,
                transport,
                batch_size=job.batch_size,
                poll_interval=0.02,
                lease=job.lease,
                max_attempts=MANY,
                reconnect=Backoff(first=0.02, longest=0.1),
                retention=timedelta(0) if job.retention else None,
                retention_interval=0.05,
            ),
            trap,
        )
    engine.dispose()


class _LostLeases(logging.Handler):
    """Records that a relay has lost its lease, which excuses duplicates."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = os.open(folder / LOST, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def emit(self, record: logging.LogRecord) -> None:
        """Record the loss."""
        if getattr(record, "event", None) == "relay.deposed":
            os.write(self._file, b".")


def begin(job: Job) -> None:
    """Prepare a process that may be killed."""
    die_with_parent()
    warnings.simplefilter("error")
    log = logging.getLogger("messagebus.relay")
    log.setLevel(logging.INFO)
    log.addHandler(_LostLeases(job.folder))


def _write(
    job: Job,
    engine: Engine,
    writer: int,
    transactions: int | None,
    published: Callable[[], None],
) -> None:
    """Commit transactions, and roll some back."""
    bus = new_bus()
    sessions = _slow_sessions(engine, job.pause)
    number = _ask(job, engine, writer)
    while transactions is None or transactions > 0:
        chance = random.Random(f"{job.seed}/{writer}/{number}")
        try:
            if chance.random() < DOOMED:
                with Ledger(sessions, on_published=published) as transaction:
                    bus.handle(Write(writer=writer, number=number, doomed=True), transaction)
                    transaction.rollback()
            with Ledger(sessions, on_published=published) as transaction:
                bus.handle(Write(writer=writer, number=number), transaction)
                transaction.commit()
        except DBAPIError:
            if not job.restarts:
                raise
            # Only the database knows whether the commit succeeded.
            number = _ask(job, engine, writer)
        else:
            number += 1
            if transactions is not None:
                transactions -= 1
        time.sleep(chance.random() * job.pause)


def _slow_sessions(engine: Engine, pause: float) -> sessionmaker[Session]:
    """Return sessions that wait before they commit, so that early writers commit late.

    On SQLite they do not wait, since it allows only one writer at a time.
    """
    sessions = sessionmaker(engine, expire_on_commit=False)
    if engine.dialect.name != "sqlite":
        sa.event.listen(sessions, "before_commit", lambda _: time.sleep(random.random() * pause))
    return sessions


def _nobody_to_tell() -> None:
    """Wake no relay: they run in other processes."""


def _ask(job: Job, engine: Engine, writer: int) -> int:
    while True:
        try:
            return next_number(engine, writer)
        except DBAPIError:
            if not job.restarts:
                raise
            time.sleep(0.02)
