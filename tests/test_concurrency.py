"""Many tasks or threads on one bus: every transaction sees only its own messages."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from messagebus import (
    AsyncMessageBus,
    SyncMessageBus,
    SyncUnitOfWorkTransaction,
    TransactionError,
)
from messagebus.testing.outbox import AsyncRecorder, SyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests._sync.fakes import SyncLibrary, SyncRecordingEventstore
from tests.library import Book, BookRegistered, RegisterBook

COMMANDS = 50


def expected(worker: int) -> list[str]:
    """List the messages that one worker handles, in order: each command, then its event."""
    return [f"{worker}-{number}" for number in range(COMMANDS) for _ in ("command", "event")]


@pytest.mark.slow
async def test_two_hundred_tasks_share_one_bus() -> None:
    """Each task has a unit of work whose eventstore holds only the task's messages."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        book = Book(id=command.id)
        await asyncio.sleep(0)
        book.messages.append(BookRegistered(id=command.id))
        await uow.books.add(book)
        await asyncio.sleep(0)

    bus.add_listener(RegisterBook, register)

    async def work(worker: int) -> list[str]:
        uow = AsyncLibrary(AsyncRecordingEventstore())
        for number in range(COMMANDS):
            async with uow as transaction:
                await bus.handle(RegisterBook(id=f"{worker}-{number}"), transaction)
                await transaction.commit()
        return [message.id for message in uow.eventstore.added]

    results = await asyncio.gather(*(work(worker) for worker in range(200)))

    assert [expected(worker) for worker in range(200)] == results


def test_sixteen_threads_share_one_bus() -> None:
    """Each thread has a unit of work whose eventstore holds only the thread's messages."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    start = threading.Barrier(16)

    def register(command: RegisterBook, uow: SyncLibrary) -> None:
        book = Book(id=command.id)
        book.messages.append(BookRegistered(id=command.id))
        uow.books.add(book)

    bus.add_listener(RegisterBook, register)

    def work(worker: int) -> list[str]:
        uow = SyncLibrary(SyncRecordingEventstore())
        start.wait()
        for number in range(COMMANDS):
            with uow as transaction:
                bus.handle(RegisterBook(id=f"{worker}-{number}"), transaction)
                transaction.commit()
        return [message.id for message in uow.eventstore.added]

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(work, range(16)))

    assert [expected(worker) for worker in range(16)] == results


async def test_tasks_that_share_an_eventstore_publish_what_they_have_committed() -> None:
    """Half of the tasks roll back concurrently; their messages are never published."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    transport = AsyncRecorder()
    eventstore = AsyncRecordingEventstore(transport)

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        await asyncio.sleep(0)

    bus.add_listener(BookRegistered, registered)

    async def work(worker: int) -> None:
        async with AsyncLibrary(eventstore) as transaction:
            for number in range(3):
                await bus.handle(BookRegistered(id=f"{worker}-{number}"), transaction)
            if worker % 2:
                await transaction.commit()
            else:
                await transaction.rollback()

    await asyncio.gather(*(work(worker) for worker in range(50)))

    sent = [message["payload"] for message in transport.sent]
    assert {
        f'{{"id":"{worker}-{number}"}}' for worker in range(1, 50, 2) for number in range(3)
    } == (set(sent))
    for worker in range(1, 50, 2):
        own = [payload for payload in sent if payload.startswith(f'{{"id":"{worker}-')]
        assert sorted(own) == own
        assert 3 == len(own)


def test_threads_that_share_an_eventstore_publish_what_they_have_committed() -> None:
    """Half of the transactions roll back; their messages are never published."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    transport = SyncRecorder()
    eventstore = SyncRecordingEventstore(transport)

    def work(worker: int) -> None:
        for number in range(COMMANDS):
            with SyncLibrary(eventstore) as transaction:
                bus.handle(BookRegistered(id=f"{worker}-{number}"), transaction)
                if number % 2:
                    transaction.commit()
                else:
                    transaction.rollback()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))

    assert sorted(
        f'{{"id":"{worker}-{number}"}}' for worker in range(16) for number in range(1, COMMANDS, 2)
    ) == sorted(message["payload"] for message in transport.sent)


def test_of_many_threads_one_enters_a_unit_of_work() -> None:
    """If several threads enter a unit of work at once, one of them gets a transaction."""
    for _ in range(20):
        uow = SyncLibrary()
        start = threading.Barrier(8)

        def enter(
            uow: SyncLibrary = uow, start: threading.Barrier = start
        ) -> SyncUnitOfWorkTransaction[Any] | None:
            start.wait()
            try:
                return uow.__enter__()
            except TransactionError:
                return None

        with ThreadPoolExecutor(8) as pool:
            entered = [each for each in pool.map(lambda _: enter(), range(8)) if each is not None]

        assert 1 == len(entered)
        entered[0].rollback()
        entered[0].close()


async def test_two_tasks_cannot_share_a_transaction_of_one_unit_of_work() -> None:
    """The second task gets an error; the first one continues."""
    uow = AsyncLibrary()
    refused = []

    async def work() -> None:
        try:
            async with uow as transaction:
                await asyncio.sleep(0)
                await transaction.commit()
        except TransactionError as error:
            refused.append(error)

    await asyncio.gather(work(), work())

    assert 1 == len(refused)
    assert ["commit"] == uow.ended


@pytest.mark.parametrize("committed", [False, True])
async def test_a_cancelled_task_rolls_back_unless_it_has_committed(committed: bool) -> None:
    """A cancellation rolls the transaction back, unless it is committed."""
    uow = AsyncLibrary()
    reached = asyncio.Event()

    async def work() -> None:
        async with uow as transaction:
            if committed:
                await transaction.commit()
            reached.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ["commit" if committed else "rollback"] == uow.ended
    async with uow as transaction:
        await transaction.rollback()


async def test_a_task_that_is_cancelled_in_a_handler_publishes_nothing() -> None:
    """Cancelling a handler in the middle of a cascade leaves nothing to publish."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    transport = AsyncRecorder()
    eventstore = AsyncRecordingEventstore(transport)
    reached = asyncio.Event()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        book = Book(id=command.id)
        book.messages.append(BookRegistered(id=command.id))
        await uow.books.add(book)

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        reached.set()
        await asyncio.sleep(60)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)

    async def work() -> None:
        async with AsyncLibrary(eventstore) as transaction:
            await bus.handle(BookRegistered(id="before"), transaction)

    task = asyncio.create_task(work())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with AsyncLibrary(eventstore) as transaction:
        await transaction.commit()

    assert [] == transport.sent
