"""Processes of one consumer that share a stream, while some of them die and others join."""

from __future__ import annotations

import os
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from messagebus import (
    Event,
    MessageSerializer,
    Metadata,
    Model,
    SyncAbstractRepository,
    SyncMessageBus,
)
from messagebus.adapters.factory import sync_source_from_url, sync_transport_from_url
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork, sync_create_tables
from messagebus.inbox import ConsumerOptions, SyncInboxConsumer
from tests.running.blocking import SyncSession
from tests.servers.process import die_with_parent

from .application import new_engine
from .trial import CONTEXT, PATIENCE

PARTITIONS = 8
KEYS = 1_000
SENT_AT_ONCE = 500
FEWEST, MOST = 2, 4
"""The numbers of processes while some are killed."""
LOOK = 0.25
"""The wait between two looks at what is applied, in seconds."""
BATCH = 10
"""The most messages of a transaction."""
BETWEEN_KILLS = 2.0
"""The average time between two kills, in seconds."""
LEASE = 1.5
"""How long a killed process keeps its partitions, in seconds."""

metadata = sa.MetaData()
counted = sa.Table(
    "counted",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp()),
)
"""What the processes have applied; nothing keeps a row from coming twice but the inbox."""


class Counted(Event):
    """The next number of a key."""

    key: str
    number: int
    metadata: Metadata = Metadata(name="counted", schema_version=1, published=True)
    ordering_key = "key"


class Counting(SyncSQLAlchemyUnitOfWork[SyncAbstractRepository[Model]]):
    """The unit of work of the processes."""

    consumer = ""
    session: SyncSession

    def attach(self, session: SyncSession) -> None:
        """Keep the session."""
        self.session = session


@dataclass(frozen=True)
class Sharing:
    """The configuration of the processes.

    Attributes:
        database: the URL of the database.
        source: the URL of the stream.
        consumer: the name that they share.
        options: the options of each.
    """

    database: str
    source: str
    consumer: str
    options: ConsumerOptions


@dataclass(frozen=True)
class Shared:
    """What the processes of a consumer have applied.

    Attributes:
        messages: the number of messages in the stream.
        applied: the keys and numbers of what was applied, in order.
        processes: the number of messages that each process applied.
        took: the time from the first to the last.
        worked: how long processors worked for the processes, in seconds.
        busy: the fraction of the time that the machine's processors worked, for whomever.
        kills: the number of processes that were killed.
    """

    messages: int
    applied: Sequence[tuple[str, int]]
    processes: Mapping[int, int]
    took: timedelta
    worked: float
    busy: float
    kills: int

    def __str__(self) -> str:
        shares = sorted(self.processes.values(), reverse=True)
        largest = ", ".join(map(str, shares[:MOST]))
        return (
            f"{self.rate:.0f} messages/s, {len(self.applied)} applied in "
            f"{self.took.total_seconds():.1f} s, {self.kills} kills; {self.cost:.0f} µs of a "
            f"processor for each, all processors {self.busy:.0%} busy; largest of {len(shares)} "
            f"shares {largest}"
        )

    @property
    def rate(self) -> float:
        """The number of messages applied in a second."""
        return len(self.applied) / max(self.took.total_seconds(), 0.001)

    @property
    def cost(self) -> float:
        """The work of the processes for a message, in microseconds."""
        return self.worked / max(len(self.applied), 1) * 1e6

    @property
    def violations(self) -> list[str]:
        """Descriptions of the broken promises."""
        return [text for text, amiss in self._promises() if amiss]

    def _promises(self) -> Iterator[tuple[str, object]]:
        times = Counter(self.applied)
        lost = self.messages - len(times)
        yield f"{lost} lost", lost
        doubled = sorted(each for each, many in times.items() if many > 1)
        yield f"applied more than once: {doubled[:20]}", doubled
        by_key: dict[str, list[int]] = {}
        for key, number in self.applied:
            by_key.setdefault(key, []).append(number)
        disorder = {
            key: [pair for pair in pairwise(numbers) if pair[0] > pair[1]]
            for key, numbers in by_key.items()
        }
        wrong = {key: pairs for key, pairs in disorder.items() if pairs}
        yield f"in another order than they were sent: {wrong}", wrong


def fill(transport: str, messages: int, keys: int, seed: int) -> None:
    """Send messages: each is the next number of one of the keys."""
    chance = Random(seed)
    numbers = Counter[str]()
    serialize = MessageSerializer().serialize_message
    with sync_transport_from_url(transport) as sending:
        for begin in range(0, messages, SENT_AT_ONCE):
            bundle = []
            for _ in range(begin, min(begin + SENT_AT_ONCE, messages)):
                key = f"key {chance.randrange(keys)}"
                bundle.append(serialize(Counted(key=key, number=numbers[key])))
                numbers[key] += 1
            sending.send_messages_serialized(bundle)


def consume(sharing: Sharing, *, drains: bool = False) -> None:
    """Apply what is in the stream, until the process is killed."""
    die_with_parent()
    warnings.simplefilter("error")
    engine = new_engine(sharing.database)
    process = os.getpid()

    def count(event: Counted, uow: Counting) -> None:
        values = {"consumer": sharing.consumer, "process": process}
        uow.session.execute(sa.insert(counted).values(key=event.key, number=event.number, **values))

    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(Counted, count)
    source = sync_source_from_url(sharing.source, sharing.consumer)
    consumer = SyncInboxConsumer(
        sharing.consumer, source, bus, lambda: Counting(engine), options=sharing.options
    )
    if drains:
        consumer.drain()
    else:
        consumer.run()
    engine.dispose()


class Crowd:
    """The running processes of a consumer.

    Attributes:
        kills: how many were killed before the end.
        worked: how long processors worked for those that have ended, in seconds.
    """

    def __init__(self, sharing: Sharing) -> None:
        self.kills = 0
        self.worked = 0.0
        self._sharing = sharing
        self._running: list[ForkServerProcess] = []

    @property
    def size(self) -> int:
        """The number of running processes."""
        return len(self._running)

    def join(self, *, drains: bool = False) -> ForkServerProcess:
        """Start another process."""
        process = CONTEXT.Process(target=consume, args=(self._sharing,), kwargs={"drains": drains})
        process.start()
        self._running.append(process)
        return process

    def kill(self, chance: Random) -> None:
        """Kill one of the processes."""
        self._end(self._running.pop(chance.randrange(self.size)))
        self.kills += 1

    def ensure_alive(self) -> None:
        """Ensure that no process has ended by itself.

        Raises:
            RuntimeError: one has.
        """
        if ended := [each.exitcode for each in self._running if not each.is_alive()]:
            text = f"processes have ended with {ended}: {self._sharing}"
            raise RuntimeError(text)

    def close(self) -> None:
        """Kill all of them; these count as no kills."""
        while self._running:
            self._end(self._running.pop())

    def _end(self, process: ForkServerProcess) -> None:
        self.worked += _seconds_of(process.pid)
        process.kill()
        process.join()


def new_sharing(database: str, source: str, **options: Any) -> Sharing:
    """Return the configuration of a new consumer, which gets every message of the stream."""
    chosen = ConsumerOptions(lease=LEASE, **options)
    return Sharing(database, source, f"sharing_{uuid.uuid4().hex[:8]}", chosen)


@contextmanager
def counting(database: str) -> Iterator[sa.Engine]:
    """Create the tables of the processes, and yield an engine to look at them."""
    engine = new_engine(database)
    sync_create_tables(engine)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def share(
    engine: sa.Engine,
    sharing: Sharing,
    messages: int,
    processes: int,
    seed: int = 0,
    every: float | None = None,
    most: int | None = None,
) -> Shared:
    """Let processes apply a stream.

    Args:
        engine: connects to their database.
        sharing: their configuration.
        messages: the number of messages in the stream.
        processes: how many begin.
        seed: decides which processes are killed, and when.
        every: the average time between two kills, in seconds; then the number of processes goes
            up and down. Without it, nobody is killed.
        most: the most kills; by default, there is no limit.

    Raises:
        RuntimeError: nothing is applied any more, or a process has ended by itself.
    """
    chance = Random(seed)
    crowd = Crowd(sharing)
    try:
        for _ in range(processes):
            crowd.join()
        before = _processor_times()
        for _ in _until_applied(engine, sharing.consumer, messages, crowd):
            if every is None or crowd.kills == most:
                time.sleep(LOOK)
            else:
                time.sleep(every * chance.uniform(0.5, 1.5))
                crowd.kill(chance)
                for _ in range(chance.randint(max(FEWEST, crowd.size + 1), MOST) - crowd.size):
                    crowd.join()
        after = _processor_times()
        crowd.close()
        worked = crowd.worked
        last = crowd.join(drains=True)  # what was applied and not settled comes again
        last.join(PATIENCE)
        if last.exitcode != 0:
            text = f"the last process has the exit status {last.exitcode}: {sharing}"
            raise RuntimeError(text)
    finally:
        crowd.close()
    busy, idle = (now - then for now, then in zip(after, before, strict=True))
    rows = _applied(engine, sharing.consumer)
    times = [row.applied_at for row in rows]
    return Shared(
        messages,
        [(row.key, row.number) for row in rows],
        Counter(row.process for row in rows),
        max(times) - min(times),
        worked,
        busy / max(busy + idle, 1),
        crowd.kills,
    )


def _until_applied(engine: sa.Engine, consumer: str, messages: int, crowd: Crowd) -> Iterator[None]:
    """Yield until everything is applied."""
    query = sa.select(sa.func.count()).where(counted.c.consumer == consumer)
    most, since = 0, time.monotonic()
    while True:
        yield
        with engine.connect() as connection:
            found = connection.scalar(query) or 0
        if found >= messages:
            return
        crowd.ensure_alive()
        if found > most:
            most, since = found, time.monotonic()
        elif time.monotonic() > since + PATIENCE:
            text = f"{found} of {messages} applied, and nothing more for {PATIENCE} s"
            raise RuntimeError(text)


def _applied(engine: sa.Engine, consumer: str) -> Sequence[sa.Row[Any]]:
    column = counted.c
    query = sa.select(counted).where(column.consumer == consumer).order_by(column.position)
    with engine.connect() as connection:
        return connection.execute(query).all()


def _processor_times() -> tuple[int, int]:
    """Return how long the processors have worked and have been idle, in ticks."""
    words = Path("/proc/stat").read_text("ascii").split(maxsplit=9)
    user, nice, system, idle, waiting, *_ = map(int, words[1:9])
    return user + nice + system, idle + waiting


def _seconds_of(pid: int | None) -> float:
    """Return how long processors have worked for a process; 0 if it has ended."""
    with suppress(FileNotFoundError):
        # The name of the program, in parentheses, may contain spaces.
        words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
