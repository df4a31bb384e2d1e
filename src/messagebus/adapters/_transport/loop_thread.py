"""A thread with an event loop, for plain code whose library is async only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """A thread that runs an event loop from the first use until *close*.

    It is a daemon thread: it does not keep a program from ending.

    Args:
        name: the name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._running: tuple[threading.Thread, asyncio.AbstractEventLoop] | None = None

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
                thread, loop = self._running
                loop.call_soon_threadsafe(loop.stop)
                thread.join()
                self._running = None

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._running is None:
                # The factory keeps the runner from making it the loop of the calling thread.
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                loop = runner.get_loop()
                thread = threading.Thread(None, _serve, self._name, (runner,), daemon=True)
                thread.start()
                self._running = thread, loop
            return self._running[1]


def _serve(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()
