"""A trial: kills processes, lets the work finish, and compares the results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from random import Random
from typing import Any, Self

from messagebus.adapters.sqlalchemy import SyncOutbox, sync_create_tables
from tests.servers import Server

from . import ledger
from .application import LONGEST_LIFE, LOST, Job, application, command_line, new_engine
from .faults import ONCE_IN_A_LIFE, Fault, Point
from .result import Arrival, Result

PATIENCE = 120.0  # seconds after which something counts as never happening
LAST_TRANSACTIONS = 4
ADAPTERS = ("kafka", "nats", "rabbitmq", "redis")  # imported before the processes are forked
Start = tuple[Any, ...]  # the function to start, and its arguments
# Processes are forked from a server that has imported everything and has no threads.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        f"{__package__}.reading",
        f"{__package__}.sharing",
        *map("messagebus.adapters.{}".format, ADAPTERS),
    ]
)


class Trial:
    """The processes of a job. Running ones are killed at the end.

    Attributes:
        kills: the number of processes and servers that were killed.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.kills = 0
        self.engine = new_engine(job.database)
        self._processes: list[ForkServerProcess] = []

    def __enter__(self) -> Self:
        sync_create_tables(self.engine)
        ledger.metadata.create_all(self.engine)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for process in self._processes:
            process.kill()
            process.join()
        self.engine.dispose()

    @property
    def lost(self) -> int:
        """The number of times that a relay lost its lease."""
        file = self.job.folder / LOST
        return file.stat().st_size if file.exists() else 0

    def start(
        self, function: Callable[..., None], *arguments: object, **options: object
    ) -> ForkServerProcess:
        """Start a process."""
        process = CONTEXT.Process(target=function, args=(self.job, *arguments), kwargs=options)
        process.start()
        self._processes.append(process)
        return process

    def kill(self, process: ForkServerProcess) -> None:
        """Kill a process.

        Raises:
            RuntimeError: the process has ended before.
        """
        process.kill()
        self.await_kill(process)

    def thaw(self, process: ForkServerProcess) -> None:
        """Resume a process that has frozen itself."""
        if process.pid is not None:
            os.kill(process.pid, signal.SIGCONT)

    def run_into(self, fault: Fault) -> None:
        """Run the application until a fault kills it.

        Raises:
            RuntimeError: the fault is not triggered.
        """
        self.await_kill(self.start(application, fault, None))

    def finish(self) -> None:
        """Run the application to its end, which sends everything.

        Raises:
            RuntimeError: it fails, or does not end.
        """
        self.await_success(self.start(application, None, LAST_TRANSACTIONS))

    def await_success(self, process: ForkServerProcess) -> None:
        """Wait until a process succeeds.

        Raises:
            RuntimeError: it fails, or does not end.
        """
        self._await(process, 0)

    def result(self, stream: Iterable[Mapping[str, Any]], *, remembers: bool = False) -> Result:
        """Compare the committed entries with the stream.

        Args:
            stream: the messages in the stream.
            remembers: whether the broker drops duplicates.
        """
        backlog = SyncOutbox(self.engine).backlog()
        return Result(
            committed=ledger.committed(self.engine),
            arrivals=[Arrival.of(message) for message in stream],
            unsent=backlog.pending + backlog.parked,
            kills=self.kills,
            lost=self.lost,
            batch_size=self.job.batch_size,
            remembers=remembers,
        )

    def await_kill(self, process: ForkServerProcess) -> None:
        """Wait until a fault kills a process.

        Raises:
            RuntimeError: it ends in another way, or not at all.
        """
        self._await(process, -signal.SIGKILL)
        self.kills += 1

    def _await(self, process: ForkServerProcess, status: int) -> None:
        process.join(PATIENCE)
        if process.exitcode != status:
            text = f"a process has the exit status {process.exitcode}, not {status}: {self.job}"
            raise RuntimeError(text)


def kill_at(trial: Trial, point: Point, times: int) -> None:
    """Kill the application while it sends, then at a point; then finish."""
    kill_application_at(trial, point, times)
    trial.finish()


def kill_application_at(trial: Trial, point: Point, times: int) -> None:
    """Kill the application while it sends, then at a point."""
    chance = Random(trial.job.seed)
    trial.run_into(Fault(Point.HALF_SENT))
    for _ in range(times):
        count = 1 if point in ONCE_IN_A_LIFE else chance.randint(1, 4)
        trial.run_into(Fault(point, count))


def kill_at_random(trial: Trial, times: int) -> None:
    """Kill the application or the second relay at random moments; then finish."""
    chance = Random(trial.job.seed)
    with _both(trial) as running:
        for _ in range(times):
            time.sleep(chance.random() * LONGEST_LIFE)
            each = chance.choice([*running])
            trial.kill(running[each])
            running[each] = trial.start(*each)
    trial.finish()


def restart_at_random(trial: Trial, server: Server, times: int) -> None:
    """Stop or kill a server under load at random moments, and start it again."""
    chance = Random(trial.job.seed)
    with _both(trial):
        for number in range(times):
            time.sleep(chance.random() * LONGEST_LIFE)
            if number % 2:
                server.stop()
            else:
                server.kill()
            # The leader has lost its lease when the server comes back.
            time.sleep(trial.job.lease + chance.random() * LONGEST_LIFE)
            server.start()
            trial.kills += 1
        time.sleep(LONGEST_LIFE)
    trial.finish()


@contextmanager
def _both(trial: Trial) -> Iterator[dict[Start, ForkServerProcess]]:
    """Run the application and a second relay; kill both at the end."""
    starts: tuple[Start, ...] = ((application, None, None), (command_line,))
    running = {each: trial.start(*each) for each in starts}
    yield running
    for process in running.values():
        trial.kill(process)
