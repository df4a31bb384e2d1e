"""The wait for another thread, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def outcome_of(future: Future[T]) -> T:
    """Return the result of a future of another thread."""
    return await asyncio.wrap_future(future)
