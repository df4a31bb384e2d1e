"""The other side of the stream: consumers that are killed, and what they have applied."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from messagebus import Model, SyncAbstractRepository, SyncMessageBus
from messagebus.adapters.factory import sync_source_from_url
from messagebus.adapters.sqlalchemy import (
    SyncSQLAlchemyUnitOfWork,
    sync_create_tables,
    tables,
)
from messagebus.inbox import ConsumerOptions, Delivery, SyncAbstractSource, SyncInboxConsumer
from messagebus.retry import Backoff

from . import ledger
from .application import LONGEST_LIFE, MANY, Job, application, begin, command_line, new_engine
from .brokers import BROKERS, Restartable, announce
from .faults import Fault, Point, Trap
from .ledger import Key, Written
from .trial import Trial, kill_application_at

NAME = "reader"
REFUSED = 7  # every so many transactions have a part that no consumer accepts
FAILING = 0.03  # the fraction of calls that fail, and succeed when they are tried again

metadata = sa.MetaData()
applied = sa.Table(
    "applied",
    metadata,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("writer", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
)
"""What consumers have applied; nothing keeps a row from coming twice but the inbox."""


class RefusedError(Exception):
    """The error of an entry that no consumer accepts."""


class Applied(SyncAbstractRepository[Model]):
    """What was applied."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class Copy(SyncSQLAlchemyUnitOfWork[Applied]):
    """The unit of work of the consumers."""

    applied: Applied

    def attach(self, session: Session) -> None:
        """Create the repository."""
        self.applied = Applied(session)


def is_refused(key: Key) -> bool:
    """Tell whether no consumer accepts an entry."""
    _, number, part = key
    return number % REFUSED == 3 and part == 0


def apply(event: Written, uow: Copy) -> None:
    """Write an entry into the other database, or fail."""
    values = {"writer": event.writer, "number": event.number, "part": event.part}
    uow.applied.session.execute(sa.insert(applied).values(values))
    if is_refused((event.writer, event.number, event.part)):
        raise RefusedError(values)
    if random.random() < FAILING:
        text = "not now"
        raise ValueError(text)


class TrappedSource(SyncAbstractSource):
    """A source with fault points after it has received, and around settling."""

    def __init__(self, source: SyncAbstractSource, trap: Trap) -> None:
        self._source = source
        self._trap = trap
        self.partitions = source.partitions
        self.hold = source.hold

    def connect(self) -> None:
        """Connect."""
        self._source.connect()

    def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Receive messages."""
        found = self._source.receive(limit, wait)
        if found:
            self._trap.passes(Point.RECEIVED)
        return found

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle messages."""
        self._trap.passes(Point.APPLIED)
        self._source.settle(deliveries)
        self._trap.passes(Point.SETTLED)

    def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Release messages."""
        self._source.release(deliveries, delay)

    def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Extend messages."""
        self._source.extend(deliveries)

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return the messages that are held."""
        return self._source.held(deliveries)

    def assign(self, partitions: Collection[int]) -> None:
        """Read partitions."""
        self._source.assign(partitions)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def consumer(job: Job, fault: Fault | None, expected: int | None) -> None:
    """Apply what is in the stream.

    Args:
        job: the configuration.
        fault: the fault to trigger in the process.
        expected: the number of entries to apply or bury before the end; endless by default.
    """
    begin(job)
    trap = Trap(fault)
    engine = new_engine(job.consumer_database)
    trap.watch(engine)
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(Written, apply)
    source = TrappedSource(sync_source_from_url(job.source, NAME), trap)
    reader = SyncInboxConsumer(NAME, source, bus, lambda: Copy(engine), options=job.consumer)
    if expected is None:
        reader.run()
    while expected is not None and len(found_in(engine)[0]) + len(found_in(engine)[1]) < expected:
        reader.drain()
    engine.dispose()


def found_in(engine: sa.Engine) -> tuple[list[Key], list[Key]]:
    """Return the entries that were applied, in order, and those that were buried."""
    letters = tables.dead_letters
    with engine.connect() as connection:
        rows = connection.execute(sa.select(applied).order_by(applied.c.position))
        done = [(row.writer, row.number, row.part) for row in rows]
        buried = []
        for message in connection.scalars(sa.select(letters.c.message)):
            event = Written.model_validate_json(message["payload"])
            buried.append((event.writer, event.number, event.part))
    return done, buried


@dataclass(frozen=True)
class Reading:
    """The result of a trial with consumers.

    Attributes:
        committed: the committed entries.
        applied: the applied entries, in order.
        buried: the entries of the dead letters.
        incomplete: the dead letters that lack something, or have another reason.
        attempts: the number of rows of attempts that are left.
        kills: the number of processes and servers that were killed.
        restarts: the number of these servers.
    """

    committed: Sequence[Key]
    applied: Sequence[Key]
    buried: Sequence[Key]
    incomplete: Sequence[int]
    attempts: int
    kills: int
    restarts: int = 0

    @property
    def violations(self) -> list[str]:
        """Descriptions of the broken promises."""
        return [text for text, amiss in self._promises() if amiss]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.restarts} of them of servers; {len(self.committed)} "
            f"committed, {len(self.applied)} applied, {len(self.buried)} buried"
        )

    def _promises(self) -> Iterator[tuple[str, object]]:
        times = Counter([*self.applied, *self.buried])
        missing = sorted(set(self.committed) - set(times))
        yield f"neither applied nor buried: {missing}", missing
        doubled = sorted(key for key, count in times.items() if count > 1)
        yield f"applied or buried more than once: {doubled}", doubled
        invented = sorted(set(times) - set(self.committed))
        yield f"applied, and never committed: {invented}", invented
        wrong = sorted(key for key in self.buried if not is_refused(key))
        yield f"buried for nothing: {wrong}", wrong
        accepted = sorted(key for key in self.applied if is_refused(key))
        yield f"refused, and applied: {accepted}", accepted
        incomplete = self.incomplete
        yield f"dead letters that lack something, by their positions: {incomplete}", incomplete
        disorder = [
            (before, after)
            for writer in {key[0] for key in self.applied}
            for before, after in pairwise([key for key in self.applied if key[0] == writer])
            if before > after
        ]
        yield f"in another order than they were committed: {disorder}", disorder
        yield f"{self.attempts} attempts that nobody forgets", self.attempts


def consuming_job(
    broker: str,
    server: str,
    name: str,
    databases: Sequence[str],
    folder: Path,
    seed: int,
    *,
    restarts: bool = False,
) -> Job:
    """Return a job with consumers.

    Args:
        broker: its name in *BROKERS*.
        server: its URL.
        name: the name of the stream.
        databases: the URL of the writers' database, and of that of the consumers.
        folder: the folder for the files of the processes.
        seed: decides what is killed.
        restarts: whether servers are restarted.
    """
    place = (server, name, 1 + seed % 2 * 3)  # every other job has partitions
    options = ConsumerOptions(
        max_attempts=MANY,
        hopeless=[RefusedError],
        backoff=Backoff(first=0.01, longest=0.05),
        reconnect=Backoff(first=0.02, longest=0.1),
        lease=1.0,
    )
    return Job(
        databases[0],
        BROKERS[broker].transport(*place),
        folder,
        seed,
        restarts=restarts,
        consumer_database=databases[1],
        source=BROKERS[broker].source(*place),
        consumer=options,
        life=BROKERS[broker].life,
    )


@contextmanager
def reading(job: Job) -> Iterator[Trial]:
    """Prepare a trial with consumers, in a database of their own."""
    engine = new_engine(job.consumer_database)
    sync_create_tables(engine)
    metadata.create_all(engine)
    engine.dispose()
    announce(job.source, NAME)
    with Trial(job) as trial:
        yield trial


def read_to_the_end(trial: Trial) -> Reading:
    """Let everything that is committed be sent and applied; compare it."""
    trial.finish()
    committed = ledger.committed(trial.engine)
    trial.await_success(trial.start(consumer, None, len(committed)))
    engine = new_engine(trial.job.consumer_database)
    done, buried = found_in(engine)
    count = sa.select(sa.func.count()).select_from(tables.attempts)
    with engine.connect() as connection:
        attempts = connection.scalar(count) or 0
        letters = connection.execute(sa.select(tables.dead_letters)).all()
    engine.dispose()
    incomplete = [each.position for each in letters if not _is_complete(each)]
    return Reading(committed, done, buried, incomplete, attempts, trial.kills)


def _is_complete(letter: sa.Row[Any]) -> bool:
    """Tell whether a dead letter says everything of a message that a listener refused."""
    payload = letter.message["payload"]
    event = Written.model_validate_json(payload)
    return (
        letter.consumer == NAME
        # Some brokers hold the wire message, others its payload.
        and payload in {letter.body.decode(), json.loads(letter.body).get("payload")}
        and str(letter.message_id) == letter.message["id"]
        and (letter.type, letter.ordering_key) == ("written_v1", str(event.writer))
        and letter.error_type.endswith(RefusedError.__qualname__)
        and "RefusedError" in letter.traceback
        and letter.origin != ""
        and letter.attempts >= 1
    )


def kill_consumers_at(trial: Trial, points: Iterable[Point], times: int) -> Reading:
    """Kill a consumer at points, while others write; then let everything be applied.

    Args:
        trial: the writers, the relay and the consumers.
        points: the points, which a consumer passes.
        times: the number of kills at each of them.
    """
    chance = Random(trial.job.seed)
    writing = trial.start(application, None, None)
    for point in points:
        for _ in range(times):
            trial.await_kill(trial.start(consumer, Fault(point, chance.randint(1, 4)), None))
    trial.kill(writing)
    return read_to_the_end(trial)


def kill_writers_at(trial: Trial, points: Iterable[Point], times: int) -> Reading:
    """Kill writers with their relay at points, while one reads; then let everything be applied.

    Args:
        trial: the writers, the relay and the consumers.
        points: the points, which a writer or a relay passes.
        times: the number of kills at each of them.
    """
    reader = trial.start(consumer, None, None)
    for point in points:
        kill_application_at(trial, point, times)
    trial.kill(reader)
    return read_to_the_end(trial)


def kill_any_at_random(trial: Trial, times: int, servers: Sequence[Restartable] = ()) -> Reading:
    """Kill at random moments, and restart; then let everything be applied.

    Args:
        trial: the writers, relays and consumers, each of which may be killed.
        times: the number of kills.
        servers: the servers that may be stopped or killed as well, each as often as a process.
    """
    chance = Random(trial.job.seed)
    starts: list[tuple[Any, ...]] = [
        (application, None, None),
        (command_line,),
        (consumer, None, None),
        (consumer, None, None),
    ]
    running: list[ForkServerProcess] = [trial.start(*each) for each in starts]
    restarts = 0
    for _ in range(times):
        time.sleep(chance.random() * trial.job.life)
        number = chance.randrange(len(starts) + len(servers))
        if number < len(starts):
            trial.kill(running[number])
            running[number] = trial.start(*starts[number])
        else:
            server = servers[number - len(starts)]
            chance.choice([server.stop, server.kill])()
            time.sleep(chance.random() * LONGEST_LIFE)
            server.start()
            trial.kills += 1
            restarts += 1
    time.sleep(trial.job.life)
    for process in running:
        trial.kill(process)
    return replace(read_to_the_end(trial), restarts=restarts)
