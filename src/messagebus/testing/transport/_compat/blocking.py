"""Doing several things at once, for plain code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep

__all__ = ["sleep", "together"]


def together(*calls: Callable[[], None]) -> None:
    """Make all calls at once, each in a thread; return when all have returned."""
    with ThreadPoolExecutor(len(calls)) as threads:
        for future in [threads.submit(call) for call in calls]:
            future.result()
