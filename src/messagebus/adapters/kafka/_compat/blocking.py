"""The wait for another thread, for plain code."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def outcome_of(future: Future[T]) -> T:
    """Return the result of a future of another thread."""
    return future.result()
