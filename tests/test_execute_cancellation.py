"""The deadline of *execute* in async code: it cancels what runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from messagebus import AsyncMessageBus, DeadlineExceededError
from tests._async.fakes import AsyncLibrary
from tests.library import RegisterBook


async def test_a_coroutine_is_cancelled_at_the_deadline() -> None:
    """It sees the cancellation; the transaction is rolled back before the error is raised."""
    bus, uow, cancelled = AsyncMessageBus[Any](), AsyncLibrary(), []

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(command)
            raise

    bus.add_listener(RegisterBook, register)
    with pytest.raises(DeadlineExceededError):
        await bus.execute(RegisterBook(id="1"), uow, timeout=0.01)
    assert 1 == len(cancelled)
    assert ["rollback"] == uow.ended


async def test_a_timeout_of_the_handler_is_its_own() -> None:
    """It is not taken for the deadline."""
    bus = AsyncMessageBus[Any]()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    bus.add_listener(RegisterBook, register)
    with pytest.raises(TimeoutError) as caught:
        await bus.execute(RegisterBook(id="1"), AsyncLibrary(), timeout=60.0)
    assert not isinstance(caught.value, DeadlineExceededError)


async def test_a_cancellation_from_outside_stays_one() -> None:
    """It rolls back as well."""
    bus, uow, begun = AsyncMessageBus[Any](), AsyncLibrary(), asyncio.Event()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        begun.set()
        await asyncio.Event().wait()

    bus.add_listener(RegisterBook, register)
    task = asyncio.create_task(bus.execute(RegisterBook(id="1"), uow, timeout=60.0))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["rollback"] == uow.ended
