"""Memory: handled messages are not kept."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.service.stream_buffer import StreamBuffer
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests.library import Book, BookRegistered, RegisterBook


class RefusalError(Exception):
    """Raised by the handler."""


async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
    """Raise an event, and fail if the title says so."""
    book = Book(id=command.id)
    book.messages.append(BookRegistered(id=command.id))
    uow.books.seen.append(book)
    if command.title == "raise":
        raise RefusalError


async def run(bus: AsyncMessageBus[Any], uow: AsyncLibrary, ending: str, message: Any) -> None:
    """Handle a message in a transaction with the given ending."""
    try:
        async with uow as transaction:
            await bus.handle(message, transaction)
            if ending == "commit":
                await transaction.commit()
            else:
                await transaction.rollback()
    except RefusalError:
        pass


@pytest.mark.parametrize("ending", ["commit", "rollback", "raise"])
async def test_a_handled_message_is_freed(ending: str) -> None:
    """Neither the bus nor the unit of work keeps a message after its transaction."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(RegisterBook, register)
    uow = AsyncLibrary()
    message = RegisterBook(id="1", title=ending)
    reference = weakref.ref(message)

    await run(bus, uow, ending, message)
    del message
    gc.collect()

    assert reference() is None


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["commit", "rollback", "raise"])
async def test_memory_does_not_grow_with_the_messages_handled(ending: str) -> None:
    """Thousands of commands leave less memory behind than one of them takes."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(RegisterBook, register)
    uow = AsyncLibrary()
    uow.ended = Uncounted()
    for _ in range(100):
        await run(bus, uow, ending, RegisterBook(id="1", title=ending))
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(2_000):
        await run(bus, uow, ending, RegisterBook(id="1", title=ending))
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 2_000 * 8


@pytest.mark.slow
async def test_transactions_that_interleave_leave_nothing_behind(
    eventstore: AsyncRecordingEventstore,
) -> None:
    """They may end in any order."""

    async def interleave(times: int) -> int:
        for _ in range(times):
            one, two = AsyncLibrary(eventstore), AsyncLibrary(eventstore)
            for uow in (one, two):
                await (await uow.__aenter__()).commit()
            for uow in (one, two):
                await uow.__aexit__(None, None, None)
        gc.collect()
        return sum(type(each) is StreamBuffer for each in gc.get_objects())

    assert await interleave(1) == await interleave(10)


class Uncounted(list[str]):
    """A list that stays empty."""

    def append(self, item: str) -> None:
        """Do nothing."""
