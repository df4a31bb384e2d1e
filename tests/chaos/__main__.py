"""Kill writers and relays at every fault point and at random; count lost messages.

With --consumers, consumers of the stream are killed as well, databases and brokers are restarted,
and what was applied is compared.
With --sharing, processes of one consumer share a stream, and some of them are killed.
With --moods, servers and networks fail the relays instead, each of which must say so.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.adapters.stored import documents, entries
from tests.running.blocking import sqlite_url
from tests.servers import NatsServer, PostgresServer, RedisServer
from tests.servers.postgres import new_database

from . import sharing
from .application import Job
from .brokers import BROKERS, Restartable, announce
from .faults import DELETING, READING, WRITING, Point
from .moods import MOODS, moods_of
from .reading import (
    Reading,
    consuming_job,
    kill_any_at_random,
    kill_consumers_at,
    kill_writers_at,
    reading,
)
from .result import Result
from .scene import new_scene
from .sharing import counting, fill, new_sharing, share
from .trial import Trial, kill_at, kill_at_random

WRITING_NAMES = tuple(point.name for point in WRITING)
READING_NAMES = tuple(point.name for point in READING)
DATABASES = ("sqlite", "postgresql")
RANDOM = "RANDOM"
KILLS_OF_A_TRIAL = 10
KILLS_AT_A_POINT = 4
MOODS_OF_A_SCENE = 10
SCENES = tuple((database, broker) for database in DATABASES for broker in ("redis", "nats"))

Read = Callable[[str, str], Sequence[Mapping[str, Any]]]


class Servers:
    """The servers that provide databases and streams to the trials."""

    def __init__(self, postgres: PostgresServer, redis: RedisServer, nats: NatsServer) -> None:
        self.postgres = postgres
        self._redis = redis
        self._nats = nats

    def stream(self, chance: random.Random) -> tuple[str, str, str, bool, Read]:
        """Return a server, a stream, its query, whether it deduplicates, and its reader."""
        name = f"chaos_{uuid.uuid4().hex}"
        nats = f"stream={name}&subject={name}.{{name}}&create=true"
        redis = f"stream={name}&create=true"
        return chance.choice(
            [
                (self._redis.url, name, f"{redis}&deduplicate_for=0", False, entries),
                (self._redis.url, name, f"{redis}&deduplicate_for=0", False, entries),
                (self._redis.url, name, redis, True, entries),
                (self._nats.url, name, nats, True, documents),
            ]
        )


@contextmanager
def new_place(
    postgres: PostgresServer, kind: str, folder: Path, name: str = "messages.db"
) -> Iterator[str]:
    """Yield the URL of an empty database."""
    if kind == "sqlite":
        yield sqlite_url(folder / name)
    else:
        with new_database(postgres.url) as url:
            yield url


def run(servers: Servers, database: str, at: str, seed: int, kills: int) -> Result:
    """Run one trial; the seed decides everything except the timing of the machine."""
    chance = random.Random(seed)
    server, stream, query, remembers, read = servers.stream(chance)
    with (
        tempfile.TemporaryDirectory(prefix="messagebus-chaos-") as folder,
        new_place(servers.postgres, database, Path(folder)) as url,
    ):
        job = Job(
            database=url,
            transport=f"{server}?{query}",
            folder=Path(folder),
            seed=seed,
            writers=chance.randint(1, 12),
            batch_size=chance.choice([2, 5, 20]),
            retention=at in {point.name for point in DELETING} or chance.random() < 0.25,
        )
        with Trial(job) as trial:
            if at == RANDOM:
                kill_at_random(trial, kills)
            else:
                kill_at(trial, Point[at], kills)
            return trial.result(read(server, stream), remembers=remembers)


def endure(seed: int, moods: int) -> int:
    """Let moods come over servers; return the number of scenes in which a promise was broken."""
    broken = 0
    for number in range(-(-moods // MOODS_OF_A_SCENE)):
        chance = random.Random(seed + number)
        database, broker = chance.choice(SCENES)
        with (
            tempfile.TemporaryDirectory(prefix="messagebus-chaos-") as folder,
            new_scene(database, broker, Path(folder), seed + number) as scene,
        ):
            chosen = chance.choices(moods_of(scene), k=MOODS_OF_A_SCENE)
            print(f"--moods {MOODS_OF_A_SCENE} --seed {seed + number}: {', '.join(chosen)}")
            for name in chosen:
                scene.endure(name, MOODS[name].says, MOODS[name].mood)
            result = scene.result()
            violations = [*scene.violations, *result.violations]
            print(f"  {result}", *violations, sep="\n  ", flush=True)
        broken += bool(violations)
    print(f"{broken} scenes in which a promise was broken")
    return min(broken, 1)


def consume(seed: int, kills: int, points: Sequence[str], scenes: Sequence[tuple[str, str]]) -> int:
    """Kill consumers, writers, relays and servers; return 1 if a trial broke a promise."""
    trials = [(name, KILLS_AT_A_POINT) for name in points if name != RANDOM for _ in scenes]
    if RANDOM in points:
        trials += [(RANDOM, KILLS_OF_A_TRIAL)] * -(-kills // KILLS_OF_A_TRIAL)
    broken = total = restarts = 0
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        servers = {
            name: stack.enter_context(BROKERS[name].server())
            for name in {each[1] for each in scenes}
        }
        for number, (at, count) in enumerate(trials):
            database, broker = scenes[number % len(scenes)]
            arguments = f"--seed {seed + number} --database {database} --broker {broker} --at {at}"
            try:
                result = run_with_consumers(
                    postgres, servers[broker], database, broker, at, seed + number, count
                )
            except Exception:
                print(f"--consumers {arguments} --kills {count}")
                raise
            print(f"--consumers {arguments} --kills {count}: {result}")
            print(*(f"  {each}\n" for each in result.violations), sep="", end="", flush=True)
            broken += bool(result.violations)
            total += result.kills
            restarts += result.restarts
    print(
        f"{len(trials)} trials, {total} kills, {restarts} of them of servers; "
        f"{broken} trials in which a promise was broken"
    )
    return min(broken, 1)


def run_with_consumers(
    postgres: PostgresServer,
    server: Restartable,
    database: str,
    broker: str,
    at: str,
    seed: int,
    kills: int,
) -> Reading:
    """Run one trial with consumers; the seed decides all but the timing of the machine."""
    chance = random.Random(seed)
    options: dict[str, Any] = chance.choice([{}, {"transaction_batch": 10}, {"concurrency": 3}])
    with (
        tempfile.TemporaryDirectory(prefix="messagebus-chaos-") as folder,
        new_place(postgres, database, Path(folder)) as url,
        new_place(postgres, database, Path(folder), "copy.db") as other,
    ):
        name = f"chaos_{uuid.uuid4().hex}"
        databases = (url, other)
        job = consuming_job(
            broker, server.url, name, databases, Path(folder), seed, restarts=at == RANDOM
        )
        retention = at in {point.name for point in DELETING}
        job = replace(job, retention=retention, consumer=replace(job.consumer, **options))
        with reading(job) as trial:
            if at == RANDOM:
                restarted = [server, postgres] if database == "postgresql" else [server]
                return kill_any_at_random(trial, kills, restarted)
            kill = kill_consumers_at if at in READING_NAMES else kill_writers_at
            return kill(trial, [Point[at]], kills)


def share_all(seed: int, messages: int, brokers: Sequence[str]) -> int:
    """Let processes share streams; return 1 if a promise was broken."""
    broken = 0
    for name in brokers:
        broker = BROKERS[name]
        with PostgresServer() as postgres, broker.server() as server, counting(postgres.url) as at:
            for processes, every in ((1, None), (2, None), (4, None), (2, sharing.BETWEEN_KILLS)):
                place = (server.url, f"sharing_{uuid.uuid4().hex}", sharing.PARTITIONS)
                job = new_sharing(
                    postgres.url, broker.source(*place), transaction_batch=sharing.BATCH
                )
                announce(job.source, job.consumer)
                fill(broker.transport(*place), messages, sharing.KEYS, seed)
                result = share(at, job, messages, processes, seed, every)
                which = (
                    f"{processes} process(es)" if every is None else "2 to 4, killed and joining"
                )
                print(f"--seed {seed}, {name}, {which}: {result}")
                print(*(f"  {each}" for each in result.violations), sep="\n", end="", flush=True)
                broken += bool(result.violations)
    print(f"{broken} crowds in which a promise was broken")
    return min(broken, 1)


def main() -> int:
    """Run the trials of the command line; return the number that broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=random.randrange(10**6), help="of the first trial")
    add("--kills", type=int, default=200, help="at random moments (200)")
    add("--database", choices=DATABASES, help="only this one")
    add("--at", choices=[*WRITING_NAMES, *READING_NAMES, RANDOM], help="only there")
    add("--moods", type=int, help="let so many moods come over servers instead of killing")
    add("--consumers", action="store_true", help="kill consumers of the stream as well")
    add("--sharing", action="store_true", help="let processes share a stream, and kill some")
    add("--messages", type=int, default=100_000, help="in that stream (100,000)")
    add("--broker", choices=[*BROKERS], help="only this one, with --consumers or --sharing")
    options = parser.parse_args()
    brokers = [options.broker] if options.broker else [*BROKERS]
    if options.sharing:
        return share_all(options.seed, options.messages, brokers)
    if options.moods:
        return endure(options.seed, options.moods)
    databases = [options.database] if options.database else DATABASES
    if options.consumers:
        scenes = [(database, broker) for database in databases for broker in brokers]
        points = [options.at] if options.at else [*READING_NAMES, *WRITING_NAMES, RANDOM]
        return consume(options.seed, options.kills, points, scenes)
    points = [options.at] if options.at else [*WRITING_NAMES, RANDOM]
    rounds = -(-options.kills // KILLS_OF_A_TRIAL)
    trials = [(database, at) for at in points if at != RANDOM for database in databases] + [
        (databases[each % len(databases)], RANDOM) for each in range(rounds) if RANDOM in points
    ]

    results: list[Result] = []
    with PostgresServer() as postgres, RedisServer() as redis, NatsServer() as nats:
        servers = Servers(postgres, redis, nats)
        for seed, (database, at) in enumerate(trials, options.seed):
            kills = KILLS_OF_A_TRIAL if at == RANDOM else KILLS_AT_A_POINT
            arguments = f"--seed {seed} --database {database} --at {at}"
            try:
                result = run(servers, database, at, seed, kills)
            except Exception:
                print(f"{arguments} --kills {kills}")
                raise
            results.append(result)
            print(f"{arguments} --kills {kills}: {result}", *result.violations, sep="\n  ")
    broken = sum(bool(result.violations) for result in results)
    print(
        f"{len(results)} trials, {sum(result.kills for result in results)} kills, "
        f"{sum(len(result.committed) for result in results)} events committed, "
        f"{sum(result.duplicates for result in results)} duplicates, "
        f"{sum(len(result.missing) for result in results)} missing; "
        f"{broken} trials in which a promise was broken"
    )
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
