"""Waits, wake-ups and concurrent calls, for sync code."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from queue import Empty, SimpleQueue
from typing import TypeVar

R = TypeVar("R")

sleep = time.sleep


def until(_deadline: float, _message: object) -> AbstractContextManager[None]:
    """Do nothing: a sync listener cannot be interrupted."""
    return nullcontext()


def in_thread(function: Callable[..., R], *arguments: object) -> R:
    """Call a function that blocks, in this thread: nothing else waits for it."""
    return function(*arguments)


def together(*calls: Callable[[], None]) -> None:
    """Make all calls concurrently, each in a thread; return when all have returned."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(calls)) as threads:
        for future in [threads.submit(call) for call in calls]:
            future.result()


def beside(*calls: Callable[[], None]) -> None:
    """Make all calls concurrently, the first one in this thread; return when all have returned."""
    from concurrent.futures import ThreadPoolExecutor

    if len(calls) == 1:
        calls[0]()
        return
    with ThreadPoolExecutor(len(calls) - 1) as threads:
        futures = [threads.submit(call) for call in calls[1:]]
        calls[0]()
        for future in futures:
            future.result()


def meanwhile(call: Callable[[], object], other: Callable[[], object]) -> None:
    """Make both calls, in this thread: *other* first, as *call* may take long."""
    other()
    call()


class SyncWakeUp:
    """Ends the wait of one waiter; a wake-up that comes before the wait ends it at once.

    *wake* may be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        # Not an Event, whose lock may be held by the code that a signal handler interrupts.
        self._wake_ups: SimpleQueue[None] = SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one."""
        if self._wake_ups.empty():
            self._wake_ups.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for a wake-up, but no longer than *seconds*; return whether one has come."""
        try:
            self._wake_ups.get(timeout=seconds)
        except Empty:
            return False
        return True
