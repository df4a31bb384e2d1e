"""A thread with an event loop, for plain code whose library is async only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import threading
import weakref
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Running(NamedTuple):
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    selector: selectors.BaseSelector


class LoopThread:
    """A thread that runs an event loop from the first use until *close*.

    It is a daemon thread: it does not keep a program from ending. A process that is forked has a
    thread and a loop of its own, from its first use.

    Args:
        name: the name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._left: list[_Running] = []
        _all.add(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result.

        An exception that interrupts the caller, such as KeyboardInterrupt, cancels the coroutine.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread; the next use starts another."""
        with self._lock:
            if self._running is not None:
                self._running.loop.call_soon_threadsafe(self._running.loop.stop)
                self._running.thread.join()
                self._running = None

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._running is None:
                selector = selectors.DefaultSelector()
                # The factory keeps the runner from making it the loop of the calling thread.
                runner = asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, selector))
                loop = runner.get_loop()
                thread = threading.Thread(None, _serve, self._name, (runner,), daemon=True)
                thread.start()
                self._running = _Running(thread, loop, selector)
            return self._running.loop

    def _leave(self) -> None:
        """Leave the loop to the parent of this process, where its thread has stayed."""
        self._lock = threading.Lock()  # a thread of the parent may have held the other
        if self._running is None:
            return
        # Kept, because its tasks report when they are collected before their end.
        self._left.append(self._running)
        # The objects of the loop are copies, but its sockets and its selector are shared. With
        # something else in their places, nothing that is done to the copies reaches the parent.
        with contextlib.suppress(OSError), open(os.devnull, "rb") as nothing:
            for key in list(self._running.selector.get_map().values()):
                os.dup2(nothing.fileno(), key.fd, inheritable=False)
        self._running = None


_all: weakref.WeakSet[LoopThread] = weakref.WeakSet()


def _leave_all() -> None:
    for each in list(_all):
        each._leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _serve(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()
