"""Deadlines of plain code, all watched by one thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic


class Deadline:
    """A function that is called once, at a time; until then it can be cancelled.

    Args:
        at: when to call it, on the monotonic clock.
        number: decides the order of deadlines at the same time.
        function: what to call, in another thread; it must not fail.
    """

    __slots__ = ("at", "function", "number")

    def __init__(self, at: float, number: int, function: Callable[[], object]) -> None:
        self.at = at
        self.number = number
        self.function: Callable[[], object] | None = function

    def __lt__(self, other: Deadline) -> bool:
        """Return whether this one is earlier."""
        return (self.at, self.number) < (other.at, other.number)

    def cancel(self) -> None:
        """Do not call the function, unless that is happening already."""
        self.function = None


class Deadlines:
    """Deadlines in the future.

    A thread for each of them would take longer than the statement it guards. The one thread is a
    daemon: it does not keep a program from ending. It ends when nothing is left to watch.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self.forget()

    def forget(self) -> None:
        """Watch nothing: after a fork, thread and deadlines are those of the parent."""
        self._changed = threading.Condition()
        self._deadlines: list[Deadline] = []
        self._is_watching = False
        self._awake_at = 0.0

    def add(self, seconds: float, function: Callable[[], object]) -> Deadline:
        """Call a function after some seconds, unless the deadline is cancelled by then.

        Args:
            seconds: how long to wait.
            function: called in the watching thread; it must not fail or wait.
        """
        deadline = Deadline(monotonic() + seconds, next(self._numbers), function)
        with self._changed:
            while self._deadlines and self._deadlines[0].function is None:
                heappop(self._deadlines)
            if not self._is_watching:
                thread = threading.Thread(None, self._watch, "messagebus deadlines", daemon=True)
                thread.start()
                self._is_watching, self._awake_at = True, deadline.at
            elif deadline.at < self._awake_at:
                self._changed.notify()
            heappush(self._deadlines, deadline)
        return deadline

    def _watch(self) -> None:
        changed = self._changed
        while True:
            with changed:
                if not self._deadlines:
                    self._is_watching = False
                    return
                # Even if it is cancelled: the next one is usually later, and need wake nobody.
                self._awake_at = self._deadlines[0].at
                if (left := self._awake_at - monotonic()) > 0:
                    changed.wait(left)
                    continue
                function = heappop(self._deadlines).function
            if function is not None:
                function()


deadlines: Deadlines = Deadlines()
"""The deadlines of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=deadlines.forget)
