"""The signals that stop a command: the first one gracefully, the second one at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopped_by_signals(stop: Callable[[str], object]) -> Iterator[None]:
    """Call a function with the name of the first signal; the second raises KeyboardInterrupt."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def first(number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, interrupt)
        stop(signal.Signals(number).name)

    before = {each: signal.signal(each, first) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def stop_task_on_signals(stop: Callable[[str], object]) -> None:
    """Call a function with the name of the first signal; the second cancels the running task."""
    loop = asyncio.get_running_loop()
    task: Any = asyncio.current_task()

    def first(name: str) -> None:
        for each in _SIGNALS:
            loop.add_signal_handler(each, task.cancel)
        stop(name)

    for each in _SIGNALS:
        loop.add_signal_handler(each, first, each.name)
