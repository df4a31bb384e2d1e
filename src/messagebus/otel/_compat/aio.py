"""Calls from another thread, for async code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as NotDoneError
from typing import Any, TypeVar

R = TypeVar("R")


class AsyncOutsideCall:
    """Calls functions of an event loop from the threads in which metrics are read."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.enter()

    def enter(self) -> None:
        """Note the running loop, if there is one."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()

    def __call__(self, function: Callable[[], Coroutine[Any, Any, R]], timeout: float) -> R | None:
        """Return what a function returns; None if it cannot be called now.

        The loop may not run, or be that of this thread, which waits for the result.

        Args:
            function: what is called.
            timeout: how long to wait, in seconds.
        """
        loop = self._loop
        if loop is None or not loop.is_running() or _running() is loop:
            return None
        call = asyncio.run_coroutine_threadsafe(function(), loop)
        try:
            return call.result(timeout)
        except NotDoneError:
            call.cancel()
            return None


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
