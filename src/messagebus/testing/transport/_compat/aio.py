"""Doing several things at once, for code that runs in an event loop."""

from __future__ import annotations

from asyncio import gather, sleep
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["sleep", "together"]


async def together(*calls: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Make all calls at once; return when all have returned."""
    await gather(*(call() for call in calls))
