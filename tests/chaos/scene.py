"""The stage of the moods: writers, two relays, their servers, and the network between them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import SyncOutbox, tables
from tests.adapters.stored import documents, entries, in_redis
from tests.running.blocking import sqlite_url
from tests.servers import NatsServer, PostgresServer, RedisServer

from .application import Job, command_line, writers
from .proxy import Proxy
from .result import Result
from .trial import Trial

STREAM = "EVENTS"
USER, PASSWORD = "app", "pw"
LIMIT = 15.0  # seconds within which a relay reports a mood, and has sent everything after it
GRACE = 20.0  # seconds within which a relay stops
SLOWNESS = 15.0  # seconds that a busy machine may add to it
LONGEST_MOOD = 0.5  # seconds, beyond what it takes until a relay reports the mood

_PENDING = (
    sa.select(sa.func.count())
    .select_from(tables.messages)
    .where(tables.messages.c.state == "pending")
)
_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename ="
_LAST = sa.select(sa.func.max(tables.messages.c.position))


@dataclass
class Scene:
    """Servers that a mood may come over, and the relays that must bear it.

    Attributes:
        trial: the processes.
        folder: the folder of their files.
        database: ``sqlite`` or ``postgresql``.
        broker: ``redis`` or ``nats``.
        servers: the servers of the database, if it has one, and of the broker.
        networks: what is between the relays and each server.
        processes: the writers and the relays.
        violations: the promises that were broken.
    """

    trial: Trial
    folder: Path
    database: str
    broker: str
    servers: dict[str, Any]
    networks: dict[str, Proxy]
    processes: list[ForkServerProcess] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What the relays have logged."""
        file = self.folder / "relay.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def redis(self) -> Any:
        """Return a client that may do everything."""
        return in_redis(self.servers["redis"].url)

    def postgres(self, *statements: str) -> None:
        """Execute statements as the superuser."""
        url = self.servers["postgresql"].url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def disconnect(self) -> None:
        """End the connections of the relays to PostgreSQL."""
        self.postgres(f"{_DISCONNECT} '{USER}'")

    def leader_pid(self) -> int:
        """Return the process of the relay that leads, once one does."""
        if not _becomes_true(lambda: self._leader() is not None):
            raise RuntimeError(self.log)
        return int((self._leader() or "").split(":")[1])

    def let_in(self) -> None:
        """Create the user as whom the relays connect, where there are users."""
        if self.database == "postgresql":
            self.postgres(
                f"CREATE ROLE {USER} LOGIN",
                f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {USER}",
                f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {USER}",
            )
        if self.broker == "redis":
            self.let_into_redis()

    def let_into_redis(self) -> None:
        """Create the user of Redis, which forgets it when it is restarted."""
        with self.redis() as redis:
            redis.execute_command(*f"ACL SETUSER {USER} on >{PASSWORD} ~* +@all".split())

    def stop_relays(self) -> None:
        """Tell the relays to stop, and wait until they have."""
        relays = self.processes[1:]
        del self.processes[1:]
        for relay in relays:
            relay.terminate()
        for relay in relays:
            relay.join(GRACE + SLOWNESS)
            if relay.exitcode != 0:
                self.violations.append(f"not stopped: {relay.exitcode}: {self.log[-2000:]}")

    def endure(
        self,
        name: str,
        says: str | None,
        mood: Callable[[Scene], Iterator[None]],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Let a mood come and go, and note which promise it breaks.

        Args:
            name: the name of the mood.
            says: what a relay must log, with … for what is left out; None if the mood must not
                matter.
            mood: the mood.
            then: called during the mood, once a relay has reported it; nothing is sent any more.
        """
        begin = len(self.log)
        with contextmanager(mood)(self):
            if says is None:
                if not _becomes_true(self._has_caught_up_to(self._last())):
                    self.violations.append(f"{name}: not sent: {self.log[begin:][-2000:]}")
            elif not _becomes_true(lambda: _has(self.log[begin:], says)):
                self.violations.append(f"{name}: silent: {self.log[begin:][-2000:]}")
            if then is not None:
                then()
                return
            time.sleep(Random(name).random() * LONGEST_MOOD)
        if not _becomes_true(self._has_caught_up_to(self._last())):
            self.violations.append(f"{name}: not over: {self.log[begin:][-2000:]}")

    def result(self) -> Result:
        """Kill the processes, send what is left, and compare stream and database."""
        for process in self.processes:
            self.trial.kill(process)
        self.trial.finish()
        url = self.servers[self.broker].url
        read: Any = entries if self.broker == "redis" else documents
        return self.trial.result(read(url, STREAM), remembers=True)

    def _leader(self) -> str | None:
        leader = SyncOutbox(self.trial.engine).leader()
        return None if leader is None or leader.expired else leader.holder

    def _last(self) -> int:
        with self.trial.engine.connect() as connection:
            return int(connection.scalar(_LAST) or 0)

    def _has_caught_up_to(self, position: int) -> Callable[[], bool]:
        query = _PENDING.where(tables.messages.c.position <= position)

        def has_caught_up() -> bool:
            with self.trial.engine.connect() as connection:
                return 0 == connection.scalar(query)

        return has_caught_up


@contextmanager
def new_scene(database: str, broker: str, folder: Path, seed: int) -> Iterator[Scene]:
    """Yield a scene on servers of its own, with everything running."""
    with ExitStack() as stack:
        servers: dict[str, Any] = {}
        networks: dict[str, Proxy] = {}
        if database == "postgresql":
            servers[database] = stack.enter_context(PostgresServer())
        servers[broker] = stack.enter_context(RedisServer() if broker == "redis" else NatsServer())
        for name, server in servers.items():
            networks[name] = stack.enter_context(Proxy(server.port))
        job = Job(
            database=_database(servers, folder),
            relay_database=_database(networks, folder),
            transport=_transport(broker, networks[broker].port),
            folder=folder,
            seed=seed,
            batch_size=20,
            lease=3.0,
            pause=0.2,
            restarts=True,
        )
        trial = stack.enter_context(Trial(job))
        scene = Scene(trial, folder, database, broker, servers, networks)
        scene.let_in()
        for function in (writers, command_line, command_line):
            scene.processes.append(trial.start(function))
        if not _becomes_true(lambda: "leading" in scene.log):
            raise RuntimeError(scene.log)
        yield scene


def _database(places: dict[str, Any], folder: Path) -> str:
    if "postgresql" not in places:
        return sqlite_url(folder / "messages.db")
    user = USER if isinstance(places["postgresql"], Proxy) else "postgres"
    return f"postgresql+psycopg://{user}@127.0.0.1:{places['postgresql'].port}/postgres"


def _transport(broker: str, port: int) -> str:
    query = f"stream={STREAM}&create=true&patience=0.2&timeout=1"
    if broker == "redis":
        return f"redis://{USER}:{PASSWORD}@127.0.0.1:{port}/0?{query}"
    return f"nats://127.0.0.1:{port}?{query}&subject=events.{{name}}"


def _has(log: str, text: str) -> bool:
    pattern = ".*".join(re.escape(part.strip()) for part in text.split("…"))
    return re.search(pattern, log) is not None


def _becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LIMIT + SLOWNESS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
