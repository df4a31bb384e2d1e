"""Waits, wake-ups and concurrent calls, for async code.

`asyncio` is imported only when a function needs it: sync programs import this module, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ...exceptions import DeadlineExceededError
from ..aio import call_in_thread

if TYPE_CHECKING:
    import asyncio

    from ...domain.model import Message

R = TypeVar("R")


async def sleep(seconds: float) -> None:
    """Wait."""
    import asyncio

    await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def until(deadline: float, message: Message[Any]) -> AsyncIterator[None]:
    """Cancel what runs in the block when a deadline passes.

    Args:
        deadline: in seconds of `time.monotonic`.
        message: the message that is handled, for the error.

    Raises:
        DeadlineExceededError: the deadline has passed.
    """
    import asyncio

    limit = asyncio.timeout(max(0.0, deadline - monotonic()))
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise DeadlineExceededError(message) from error
        raise


async def in_thread(function: Callable[..., R], *arguments: object) -> R:
    """Call a function that blocks, in a worker thread."""
    import asyncio

    return await asyncio.to_thread(call_in_thread, function, *arguments)


async def together(*calls: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Make all calls concurrently; return when all have returned."""
    import asyncio

    await asyncio.gather(*(call() for call in calls))


async def beside(*calls: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Make all calls concurrently, the first one in this task; return when all have returned.

    When this task is cancelled, the others are cancelled as well.
    """
    import asyncio

    async with asyncio.TaskGroup() as group:
        for call in calls[1:]:
            group.create_task(call())
        await calls[0]()


async def meanwhile(
    call: Callable[[], Coroutine[Any, Any, object]],
    other: Callable[[], Coroutine[Any, Any, object]],
) -> None:
    """Make a call, and another one while it waits; return when both have returned.

    When this task is cancelled, both are. If both fail, the error of *other* is lost.
    """
    import asyncio

    for outcome in await asyncio.gather(call(), other(), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


class AsyncWakeUp:
    """Ends the wait of one waiter; a wake-up that comes before the wait ends it at once.

    *wake* may be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        import asyncio

        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """End the present wait, or the next one."""
        if self._loop is None:
            self._woken.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> bool:
        """Wait for a wake-up, but no longer than *seconds*; return whether one has come."""
        import asyncio

        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken
