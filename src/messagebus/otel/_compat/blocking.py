"""Calls from another thread, for sync code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


class SyncOutsideCall:
    """Calls functions from the threads in which metrics are read."""

    def enter(self) -> None:
        """Do nothing: any thread may call the function."""

    def __call__(self, function: Callable[[], R], timeout: float) -> R | None:  # noqa: ARG002
        """Return what a function returns."""
        return function()
