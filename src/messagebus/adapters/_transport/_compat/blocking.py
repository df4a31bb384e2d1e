"""Waiting, for plain code."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import sleep
from typing import TypeVar

R = TypeVar("R")

__all__ = ["Lock", "in_thread", "sleep"]


def in_thread(function: Callable[..., R], *arguments: object) -> R:
    """Call the function: nothing else waits for this thread."""
    return function(*arguments)
