"""*execute*: a transaction of its own, attempts, and a deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from messagebus import (
    AsyncMessageBus,
    AsyncSinkholeEventstreamTransport,
    Backoff,
    ConfigurationError,
    DeadlineExceededError,
    MessageBusError,
    PublishError,
    Retry,
)
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests.library import Book, BookBorrowed, BookRegistered, RegisterBook, Shelve

Bus = AsyncMessageBus[Any]
AT_ONCE = Backoff(first=0.0)


class Busy(AsyncLibrary):
    """A library whose database may be busy."""

    def is_transient(self, error: BaseException) -> bool:
        """Tell whether the error says that it is busy."""
        return isinstance(error, BlockingIOError)


class Failing:
    """A handler that fails with one error after another, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = [*errors]
        self.works: list[AsyncLibrary] = []

    async def __call__(self, command: RegisterBook, transaction: Any) -> str:
        """Fail, or return the id."""
        self.works.append(transaction.uow)
        await transaction.books.add(Book(id=command.id))
        if self.errors:
            raise self.errors.pop(0)
        return command.id


def bus_of(handler: Any) -> Bus:
    """Return a bus with a handler of RegisterBook."""
    bus = Bus()
    bus.add_listener(RegisterBook, handler)
    return bus


async def test_a_message_is_handled_and_committed(uow: AsyncLibrary) -> None:
    """The result is that of the handler."""
    assert "1" == await bus_of(Failing()).execute(RegisterBook(id="1"), uow)
    assert ["commit"] == uow.ended


async def test_dependencies_come_with_the_call(bus: Bus, uow: AsyncLibrary) -> None:
    """As for *handle*."""

    async def shelve(command: Shelve, uow: AsyncLibrary, shelf: str) -> str:
        return shelf

    bus.add_listener(Shelve, shelve)
    assert "A" == await bus.execute(Shelve(), uow, shelf="A")


async def test_a_failure_is_rolled_back_and_raised(uow: AsyncLibrary) -> None:
    """Without *retry*, there is one attempt."""
    handler = Failing(BlockingIOError())
    with pytest.raises(BlockingIOError):
        await bus_of(handler).execute(RegisterBook(id="1"), uow)
    assert ["rollback"] == uow.ended
    assert 1 == len(handler.works)


async def test_it_begins_again_after_errors_that_may_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The unit of work says which; each attempt has a fresh transaction, and is logged."""
    handler, uow = Failing(BlockingIOError("busy"), BlockingIOError("busy")), Busy()
    retry = Retry(attempts=3, backoff=AT_ONCE)

    with caplog.at_level(logging.WARNING, logger="messagebus"):
        result = await bus_of(handler).execute(RegisterBook(id="1"), uow, retry=retry)

    assert "1" == result
    assert ["rollback", "rollback", "commit"] == uow.ended
    assert ["1 of 3", "2 of 3"] == [
        f"{vars(each)['attempt']} of {retry.attempts}" for each in caplog.records
    ]


async def test_the_last_attempt_raises_its_error() -> None:
    """As it is."""
    handler, uow = Failing(*map(BlockingIOError, "abc")), Busy()
    with pytest.raises(BlockingIOError, match="b"):
        await bus_of(handler).execute(
            RegisterBook(id="1"), uow, retry=Retry(attempts=2, backoff=AT_ONCE)
        )


async def test_other_errors_are_raised_at_once() -> None:
    """An error that comes again and again helps nobody."""
    handler, uow = Failing(ValueError("one"), ValueError("two")), Busy()
    with pytest.raises(ValueError, match="one"):
        await bus_of(handler).execute(RegisterBook(id="1"), uow, retry=Retry(backoff=AT_ONCE))
    assert ["rollback"] == uow.ended


@pytest.mark.parametrize("on", [ValueError, (ValueError, KeyError)])
async def test_the_errors_can_be_named(on: Any) -> None:
    """Then those of the unit of work do not count."""
    handler, uow = Failing(ValueError(), BlockingIOError()), Busy()
    with pytest.raises(BlockingIOError):
        await bus_of(handler).execute(
            RegisterBook(id="1"), uow, retry=Retry(backoff=AT_ONCE, on=on)
        )
    assert 2 == len(handler.works)


async def test_a_factory_creates_a_unit_of_work_for_each_attempt() -> None:
    """So that nothing of a failed attempt is left."""
    handler = Failing(BlockingIOError())
    await bus_of(handler).execute(RegisterBook(id="1"), Busy, retry=Retry(backoff=AT_ONCE))
    first, second = handler.works
    assert first is not second
    assert (["rollback"], ["commit"]) == (first.ended, second.ended)


async def test_a_commit_that_fails_is_tried_again() -> None:
    """It has been rolled back."""
    uow, retry = AsyncLibrary(), Retry(attempts=2, backoff=AT_ONCE, on=OSError)
    handler = Failing()
    uow.failing = "commit"
    with pytest.raises(OSError, match="no commit"):
        await bus_of(handler).execute(RegisterBook(id="1"), uow, retry=retry)
    assert 2 == len(handler.works)


async def test_what_is_committed_is_never_done_again() -> None:
    """Not even if publishing fails with an error that is named."""

    class Broken(AsyncSinkholeEventstreamTransport):
        async def send_message_serialized(self, message: Any) -> None:
            raise OSError

    handler = Failing()

    async def register(command: RegisterBook, transaction: Any) -> None:
        book = Book(id=command.id)
        book.messages.append(BookRegistered(id=command.id))
        await transaction.books.add(book)
        await handler(command, transaction)

    uow = AsyncLibrary(AsyncRecordingEventstore(Broken()))
    with pytest.raises(PublishError):
        await bus_of(register).execute(
            RegisterBook(id="1"), uow, retry=Retry(backoff=AT_ONCE, on=MessageBusError)
        )
    assert 1 == len(handler.works)
    assert ["commit"] == uow.ended


async def test_the_deadline_is_the_same_for_the_whole_cascade(bus: Bus, uow: AsyncLibrary) -> None:
    """Each listener sees it, and so does a nested *handle*."""
    seen: list[float | None] = []

    async def register(command: RegisterBook, transaction: Any) -> None:
        seen.append(transaction.deadline)
        book = Book(id="1")
        book.messages.append(BookRegistered())
        await transaction.books.add(book)

    async def hear(event: BookRegistered, transaction: Any) -> None:
        seen.append(transaction.deadline)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, hear)
    before = time.monotonic()

    await bus.execute(RegisterBook(id="1"), uow, timeout=60.0)

    first, second = seen
    assert first == second
    assert first is not None
    assert before + 60.0 <= first <= time.monotonic() + 60.0
    async with uow as transaction:
        assert transaction.deadline is None
        await transaction.rollback()


async def test_listeners_after_the_deadline_are_not_called(bus: Bus, uow: AsyncLibrary) -> None:
    """The transaction is rolled back before the error is raised."""
    heard: list[str] = []

    def late(name: str) -> Any:
        async def hear(event: BookBorrowed, transaction: Any) -> None:
            heard.append(name)
            transaction.deadline = time.monotonic()  # as if it had taken long

        return hear

    bus.add_listener(BookBorrowed, late("first"))
    bus.add_listener(BookBorrowed, late("second"))
    event = BookBorrowed(id="1")

    with pytest.raises(DeadlineExceededError, match="BookBorrowed") as caught:
        await bus.execute(event, uow, timeout=60.0)

    assert ["first"] == heard
    assert ["rollback"] == uow.ended
    assert event == caught.value.message
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("timeout", [60.0, None], ids=["given", "set by the handler alone"])
async def test_a_deadline_is_looked_at_before_the_commit(
    uow: AsyncLibrary, timeout: float | None
) -> None:
    """A handler that takes too long has no effect, even if it is the only one."""

    async def register(command: RegisterBook, transaction: Any) -> None:
        transaction.deadline = time.monotonic()

    with pytest.raises(DeadlineExceededError):
        await bus_of(register).execute(RegisterBook(id="1"), uow, timeout=timeout)
    assert ["rollback"] == uow.ended


async def test_attempts_share_the_deadline() -> None:
    """A wait that would pass it is not begun; the error says what failed before."""
    handler, uow = Failing(BlockingIOError("busy"), BlockingIOError("busy")), Busy()
    retry = Retry(attempts=9, backoff=Backoff(first=100.0, longest=100.0))
    with pytest.raises(DeadlineExceededError) as caught:
        await bus_of(handler).execute(RegisterBook(id="1"), uow, retry=retry, timeout=50.0)
    assert isinstance(caught.value.__cause__, BlockingIOError)
    assert 1 == len(handler.works)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
async def test_a_timeout_is_a_number_of_seconds(uow: AsyncLibrary, timeout: Any) -> None:
    """Anything else is refused before the transaction begins."""
    with pytest.raises(ConfigurationError, match="timeout must be a number"):
        await bus_of(Failing()).execute(RegisterBook(id="1"), uow, timeout=timeout)
    assert [] == uow.ended


@pytest.mark.parametrize("options", [{"attempts": 0}, {"on": 5}, {"on": (ValueError, "KeyError")}])
def test_a_retry_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError):
        Retry(**options)


@pytest.mark.parametrize("on", [None, BlockingIOError])
async def test_one_error_of_a_group_that_may_pass_is_enough(on: Any) -> None:
    """So a bus that collects the errors of listeners begins again, too."""
    bus, uow, handler = Bus(on_error="collect"), Busy(), Failing(BlockingIOError())

    async def hear(event: BookRegistered, transaction: Any) -> None:
        await handler(RegisterBook(id=event.id), transaction)

    bus.add_listener(BookRegistered, hear)
    await bus.execute(BookRegistered(id="1"), uow, retry=Retry(backoff=AT_ONCE, on=on))
    assert ["rollback", "commit"] == uow.ended


async def test_a_deadline_is_looked_at_before_the_first_listener(uow: AsyncLibrary) -> None:
    """Waiting for a connection may have taken all the time."""
    handler = Failing()
    with pytest.raises(DeadlineExceededError):
        await bus_of(handler).execute(RegisterBook(id="1"), uow, timeout=0.0)
    assert [] == handler.works


async def test_a_failure_after_the_deadline_is_not_isolated() -> None:
    """Everything is rolled back, so nothing claims that the listener was undone alone."""
    bus, uow = Bus(on_error="isolate"), Isolating()

    async def fail(event: BookRegistered, transaction: Any) -> None:
        transaction.deadline = 0.0
        raise ValueError

    bus.add_listener(BookRegistered, fail)
    with pytest.raises(DeadlineExceededError):
        await bus.execute(BookRegistered(id="1"), uow)
    assert ["rollback"] == uow.ended


class Isolating(AsyncLibrary):
    """A library with savepoints."""

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Do nothing."""
        yield


async def test_a_transaction_is_refused(bus: Bus, uow: AsyncLibrary) -> None:
    """It is for handle, and the error says so."""
    async with uow as transaction:
        wrong: Any = transaction
        with pytest.raises(ConfigurationError, match="a unit of work, not a transaction") as caught:
            await bus.execute(RegisterBook(id="1"), wrong)
        await transaction.rollback()

    assert ["With a transaction, call handle."] == caught.value.__notes__
