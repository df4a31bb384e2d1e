"""Deadlines are watched by one thread, and cost no thread each."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from functools import partial
from queue import SimpleQueue

import pytest

from messagebus.adapters.sqlalchemy._deadlines import Deadlines
from tests.running.blocking import PATIENCE, eventually

NEVER = 3600.0  # seconds


def threads() -> set[threading.Thread]:
    """Return the threads that watch deadlines."""
    return {each for each in threading.enumerate() if each.name == "messagebus deadlines"}


def test_deadlines_are_met_in_their_order_by_one_thread() -> None:
    """An earlier one that comes later is met first."""
    deadlines, met = Deadlines(), SimpleQueue[tuple[str, str]]()
    before = threads()

    def note(name: str) -> None:
        met.put((name, threading.current_thread().name))

    last = deadlines.add(NEVER, partial(note, "last"))
    # The thread waits; typeshed does not know the list of those who do.
    eventually(lambda: deadlines._changed._waiters)  # type: ignore[attr-defined]
    with deadlines._changed:  # so that none is met before all are there
        for name, seconds in (("late", 0.03), ("early", 0.02), ("later", 0.04)):
            deadlines.add(seconds, partial(note, name))
    assert 1 == len(threads() - before)

    found = [met.get(timeout=PATIENCE) for _ in range(3)]
    assert [(name, "messagebus deadlines") for name in ("early", "late", "later")] == found
    last.cancel()
    deadlines.add(0.0, lambda: None)  # which ends the wait of the thread


def test_a_cancelled_deadline_is_not_met_and_keeps_nothing() -> None:
    """What it would have called may hold a connection, which must not live until then."""

    class Connection:
        def __call__(self) -> None:
            met.put("cancelled")

    deadlines, met = Deadlines(), SimpleQueue[str]()
    connection = Connection()
    known = weakref.ref(connection)
    with deadlines._changed:  # so that it is not met before
        cancelled = deadlines.add(0.01, connection)
        cancelled.cancel()
    del connection
    gc.collect()
    deadlines.add(0.03, lambda: met.put("met"))

    assert known() is None
    assert "met" == met.get(timeout=PATIENCE)
    assert met.empty()


def test_the_thread_ends_once_nothing_is_left_and_begins_again() -> None:
    """Deadlines in the past, met or cancelled, keep no thread."""
    deadlines, met = Deadlines(), SimpleQueue[int]()
    for number in range(2):
        with deadlines._changed:  # so that it is not met before
            deadlines.add(0.02, lambda: met.put(-1)).cancel()
        deadlines.add(0.01, partial(met.put, number))
        assert number == met.get(timeout=PATIENCE)
        eventually(lambda: not deadlines._is_watching)
    assert met.empty()


def test_many_cancelled_deadlines_take_no_memory() -> None:
    """A relay adds one for each statement, long before the first of them is over."""
    deadlines = Deadlines()
    for _ in range(1_000):
        deadlines.add(60.0, lambda: None).cancel()

    assert len(deadlines._deadlines) == 1


FORK = """
import os, signal
from queue import SimpleQueue
from messagebus.adapters.sqlalchemy._deadlines import deadlines

signal.alarm(20)
met = SimpleQueue()
deadlines.add(0.01, lambda: met.put(None))
met.get(timeout=10)
deadlines.add(60.0, lambda: None)
if (child := os.fork()) == 0:
    deadlines.add(0.01, lambda: met.put(None))
    met.get(timeout=10)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
def test_a_forked_process_watches_its_own_deadlines_and_none_delays_an_exit() -> None:
    """The thread has stayed in the parent, which ends although a deadline is far away."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=PATIENCE
    )
    assert 0 == done.returncode
