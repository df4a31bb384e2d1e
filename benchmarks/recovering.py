"""The time after whoever sends is killed, until another process sends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from subprocess import PIPE, Popen
from time import perf_counter, sleep
from typing import Any

import psycopg
import redis as drivers
import sqlalchemy as sa

from messagebus import SyncMessageBus
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork, tables

from .contender import BY_HAND
from .databases import POSTGRES, database, plain_engine, redis
from .measuring import LEFT
from .messages import Registered
from .older import ROOT
from .outbox import CLAIM, MARK, content

STREAM = "events"
POLLS_EVERY = 0.05  # seconds, by hand
BATCH = 100


class Team:
    """Processes that send the messages of one database.

    Args:
        name: whose they are.
    """

    def __init__(self, name: str) -> None:
        self._is_by_hand = name == BY_HAND
        self._database = database(POSTGRES)
        self._running: dict[int, Popen[str]] = {}
        self._client: Any = drivers.Redis.from_url(redis(), protocol=2)
        self._client.delete(STREAM)
        self._position = "0"
        self.engine = plain_engine(self._database)
        LEFT.callback(self.end)

    def start(self) -> None:
        """Start a process; return once it works."""
        if self._is_by_hand:
            command = [__spec__.name, self._database.replace("+psycopg", ""), redis()]
        else:
            stream = f"{redis()}?stream={STREAM}&create=true"
            to = (f"--database={self._database}", f"--transport={stream}")
            command = ["messagebus", "relay", *to]
        process = Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=PIPE,
            text=True,
        )
        self._running[process.pid] = process
        log: Any = process.stderr
        if "started" not in (first := log.readline()):
            raise ChildProcessError(first + log.read())

    def kill(self) -> None:
        """Kill the process that sends, or, if all do, any of them."""
        process = self._running.pop(self._leader())
        process.kill()
        process.communicate()

    def send(self, number: int) -> None:
        """Commit an event, and wait until it is in the stream."""
        with SyncSQLAlchemyUnitOfWork[Any](self.engine) as transaction:
            SyncMessageBus[Any]().handle(Registered(id=str(number), title="A"), transaction)
            transaction.commit()
        arrived: set[str] = set()  # by hand, what the killed one has sent may come again
        while str(number) not in arrived:
            [(_, entries)] = self._client.xread({STREAM: self._position}, block=60_000)
            self._position = entries[-1][0]
            arrived.update(json.loads(fields[b"payload"])["id"] for _, fields in entries)

    def end(self) -> None:
        """Kill all."""
        for process in self._running.values():
            process.kill()
            process.communicate()
        self._client.close()

    def _leader(self) -> int:
        if self._is_by_hand:
            return next(iter(self._running))
        with self.engine.connect() as connection:
            holder = connection.execute(sa.select(tables.lease.c.holder)).scalar_one()
        return int(holder.split(":")[1])


def seconds(name: str, kills: int, *, standby: bool) -> list[float]:
    """Kill whoever sends, again and again; return how long it takes until another process sends.

    Args:
        name: who is killed.
        kills: the number of times.
        standby: whether another process runs already; otherwise, one is started after the kill,
            and the time runs from when it says that it has.
    """
    team = Team(name)
    team.start()
    taken = []
    for number in range(kills):
        team.send(2 * number)
        if standby:
            team.start()
        begun = perf_counter()
        team.kill()
        if not standby:
            team.start()
            begun = perf_counter()  # the start of an interpreter is nobody's merit
        team.send(2 * number + 1)
        taken.append(perf_counter() - begun)
    return taken


def send_by_hand(arguments: Sequence[str]) -> None:
    """Claim, send and mark, for ever."""
    database_url, redis_url = arguments
    client: Any = drivers.Redis.from_url(redis_url)
    print("started", file=sys.stderr, flush=True)
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            with connection.transaction():
                rows = connection.execute(CLAIM, (BATCH,)).fetchall()
                for row in rows:
                    client.xadd(STREAM, content(row))
                connection.execute(MARK, ([row[0] for row in rows],))
            if not rows:
                sleep(POLLS_EVERY)


if __name__ == "__main__":
    send_by_hand(sys.argv[1:])
