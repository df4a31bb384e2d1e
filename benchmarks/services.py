"""Two services in processes of their own, with a relay between them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter, sleep
from typing import Any
from uuid import uuid4

from messagebus import SyncMessageBus
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork
from tests.running.aio import PATIENCE

from .databases import POSTGRES, database, plain_engine
from .messages import Registered
from .older import ROOT
from .streams import GROUP, url_of

DATABASE = "MESSAGEBUS_BENCH_DATABASE"
"""The environment variable with the URL of the database of the application."""
WARMING = 10  # events to send before the first measurement
REST = 0.05  # seconds between events


def milliseconds(broker: str, count: int) -> list[float]:
    """Commit events one by one; return the latency until another service has committed each.

    This process writes the events. The relay and the consumer are commands, with their defaults.
    The clock of *perf_counter* is the same in all processes of a machine.

    Args:
        broker: the broker between the services.
        count: the number of events.
    """
    shop, library = database(POSTGRES), database(POSTGRES)
    stream = url_of(broker, "applied")
    engine = plain_engine(shop)
    bus: SyncMessageBus[Any] = SyncMessageBus()
    taken = []
    with ExitStack() as stack:
        relay = ("relay", "--database", shop, "--transport", stream)
        consumer = (
            "consume",
            "--stream",
            stream,
            "--consumer",
            GROUP,
            "benchmarks.application:app",
        )
        stack.enter_context(_command(*relay))
        applied = stack.enter_context(_command(*consumer, **{DATABASE: library}))
        for _ in range(WARMING + count):
            sleep(REST)
            with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
                bus.handle(Registered(id=str(uuid4()), title="A title"), transaction)
                transaction.commit()
                committed = perf_counter()
            taken.append((_time_of(applied) - committed) * 1e3)
    return taken[WARMING:]


@contextmanager
def _command(*words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of the package beside the block."""
    paths = os.pathsep.join(each for each in sys.path if each)
    process = subprocess.Popen(
        [sys.executable, "-m", "messagebus", *words, "--log-level", "error"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _time_of(process: subprocess.Popen[str]) -> float:
    """Return the time that a process prints next.

    Raises:
        RuntimeError: it prints none in time.
    """
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        watchdog.cancel()
    if not line:
        text = "the event was not applied"
        raise RuntimeError(text)
    return float(line)
