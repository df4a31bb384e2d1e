"""The policies for listeners of events that fail."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from messagebus import AsyncMessageBus, ConfigurationError, Message, async_listen
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore, types_of
from tests.library import Book, BookBorrowed, BookRegistered, RegisterBook, Shelve

Bus = AsyncMessageBus[Any]


class Saving(AsyncLibrary):
    """A library with savepoints, which keeps failures."""

    def __init__(self, eventstore: AsyncRecordingEventstore | None = None) -> None:
        super().__init__(eventstore)
        self.undone = 0
        self.kept: list[tuple[str, str, str]] = []
        self.transient: tuple[type[Exception], ...] = ()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Count the savepoints that are rolled back."""
        try:
            yield
        except Exception:
            self.undone += 1
            raise

    def is_transient(self, error: BaseException) -> bool:
        """Tell whether the error is one of those."""
        return isinstance(error, self.transient)

    async def keep_failure(self, message: Message[Any], listener: str, error: Exception) -> bool:
        """Remember the failure."""
        self.kept.append((type(message).__name__, listener.rpartition(".")[2], str(error)))
        return True


def failing(text: str, *raised: Message[Any]) -> Any:
    """Return a listener that raises messages, then an error."""

    async def fail(event: BookRegistered, uow: AsyncLibrary) -> None:
        book = Book(id=text)
        book.messages.extend(raised)
        await uow.books.add(book)
        raise ValueError(text)

    return fail


class Hearing:
    """A listener that notes what it hears, and raises an event."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, event: BookRegistered, uow: AsyncLibrary) -> None:
        """Note the event."""
        self.heard.append(event.id)
        book = Book(id="heard")
        book.messages.append(BookBorrowed(id="heard"))
        await uow.books.add(book)


async def publish(bus: Bus, uow: AsyncLibrary) -> None:
    """Handle an event in a transaction that is committed."""
    async with uow as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await transaction.commit()


async def test_by_default_the_first_failure_ends_the_handling() -> None:
    """The listeners after it are not called."""
    bus, hearing = Bus(), Hearing()
    bus.add_listener(BookRegistered, failing("one"))
    bus.add_listener(BookRegistered, hearing)
    with pytest.raises(ValueError, match="one"):
        await publish(bus, AsyncLibrary())
    assert [] == hearing.heard


async def test_collected_failures_are_raised_together_after_all_listeners_have_run() -> None:
    """The transaction is rolled back; each error has the note of its listener."""
    bus, hearing, uow = Bus(on_error="collect"), Hearing(), AsyncLibrary()
    bus.add_listener(BookRegistered, failing("one"))
    bus.add_listener(BookRegistered, hearing)
    bus.add_listener(BookRegistered, failing("two"))

    with pytest.raises(ExceptionGroup, match="2 of the listeners of BookRegistered") as caught:
        await publish(bus, uow)

    assert ["1"] == hearing.heard
    assert ["one", "two"] == [str(each) for each in caught.value.exceptions]
    assert all("fail was handling" in each.__notes__[0] for each in caught.value.exceptions)
    assert [] == getattr(caught.value, "__notes__", [])
    assert ["rollback"] == uow.ended


async def test_a_single_collected_failure_is_a_group_too() -> None:
    """Whoever catches it needs one kind of except."""
    bus = Bus()
    bus.add_listener(BookRegistered, failing("one"), on_error="collect")
    with pytest.raises(ExceptionGroup):
        await publish(bus, AsyncLibrary())


async def test_nothing_that_listeners_raised_outlives_collected_failures() -> None:
    """What one that succeeded has raised is not handled, in this transaction or the next."""
    bus, uow = Bus(on_error="collect"), AsyncLibrary()
    borrowed: list[str] = []

    async def note(event: BookBorrowed, uow: AsyncLibrary) -> None:
        borrowed.append(event.id)

    bus.add_listener(BookRegistered, Hearing())
    bus.add_listener(BookRegistered, failing("one", BookBorrowed(id="lost")))
    bus.add_listener(BookBorrowed, note)
    with pytest.raises(ExceptionGroup):
        await publish(bus, uow)
    async with uow as transaction:
        await bus.handle(BookBorrowed(id="new"), transaction)
        await transaction.rollback()
    assert ["new"] == borrowed


async def test_a_failure_that_is_not_collected_ends_the_collection() -> None:
    """It is raised with those before it; alone, it is raised as it is."""
    hearing = Hearing()
    bus = Bus()
    bus.add_listener(BookRegistered, failing("one"), on_error="collect")
    bus.add_listener(BookRegistered, failing("two"))
    bus.add_listener(BookRegistered, hearing, on_error="collect")
    with pytest.raises(ExceptionGroup) as caught:
        await publish(bus, AsyncLibrary())
    assert ["one", "two"] == [str(each) for each in caught.value.exceptions]
    assert [] == hearing.heard

    bus = Bus(on_error="collect")
    bus.add_listener(BookRegistered, failing("alone"), on_error="raise")
    bus.add_listener(BookRegistered, hearing)
    with pytest.raises(ValueError, match="alone"):
        await publish(bus, AsyncLibrary())


async def test_an_isolated_failure_is_undone_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Its savepoint is rolled back, its messages are dropped, and the others have their effect."""
    bus, hearing, store = Bus(on_error="isolate"), Hearing(), AsyncRecordingEventstore()
    uow = Saving(store)
    bus.add_listener(BookRegistered, failing("one", BookBorrowed(id="lost")))
    bus.add_listener(BookRegistered, hearing)

    with caplog.at_level(logging.ERROR, logger="messagebus"):
        await publish(bus, uow)

    assert ["1"] == hearing.heard
    assert ["commit"] == uow.ended
    assert 1 == uow.undone
    assert [("BookRegistered", "fail", "one")] == uow.kept
    assert [BookRegistered(id="1"), BookBorrowed(id="heard")] == store.added
    [record] = caplog.records
    assert "was undone alone; the message is a dead letter now" in record.message
    assert "listener.isolated" == vars(record)["event"]
    assert record.exc_info is not None


async def test_one_listener_can_be_isolated() -> None:
    """The others fail as the bus says."""
    bus, uow = Bus(), Saving()
    bus.add_listener(BookRegistered, failing("one"), on_error="isolate")
    bus.add_listener(BookRegistered, failing("two"))
    with pytest.raises(ValueError, match="two"):
        await publish(bus, uow)
    assert ["rollback"] == uow.ended


async def test_an_isolated_listener_gets_its_dependencies() -> None:
    """As any other."""
    bus, uow, seen = Bus(on_error="isolate", shelf=lambda: "A"), Saving(), []

    async def note(event: BookRegistered, uow: AsyncLibrary, shelf: str) -> None:
        seen.append(shelf)

    bus.add_listener(BookRegistered, note)
    await publish(bus, uow)
    assert ["A"] == seen


async def test_a_failure_that_may_pass_is_not_isolated() -> None:
    """The database has given the transaction up, so it begins again as a whole."""
    bus, uow = Bus(on_error="isolate"), Saving()
    uow.transient = (ValueError,)
    bus.add_listener(BookRegistered, failing("one"))
    with pytest.raises(ValueError, match="one"):
        await publish(bus, uow)
    assert [] == uow.kept


async def test_a_listener_that_has_ended_the_transaction_is_not_isolated() -> None:
    """Its savepoint is gone with the transaction."""
    bus, uow = Bus(on_error="isolate"), Saving()

    async def end(event: BookRegistered, transaction: Any) -> None:
        await transaction.rollback()
        raise ValueError(event.id)

    bus.add_listener(BookRegistered, end)
    with pytest.raises(ValueError, match="1"):
        async with uow as transaction:
            await bus.handle(BookRegistered(id="1"), transaction)
    assert [] == uow.kept


async def test_without_savepoints_nothing_is_handled() -> None:
    """The first *handle* refuses the unit of work before any listener runs."""
    bus, hearing = Bus(), Hearing()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        hearing.heard.append("command")

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, hearing, on_error="isolate")
    with pytest.raises(ConfigurationError, match="AsyncLibrary has no savepoints") as caught:
        async with AsyncLibrary() as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
    assert "savepoint" in caught.value.__notes__[0]
    assert [] == hearing.heard


async def test_a_unit_of_work_without_savepoints_says_so() -> None:
    """Its method raises."""
    with pytest.raises(ConfigurationError, match="has no savepoints"):
        AsyncLibrary().savepoint()


async def test_the_decorator_declares_a_policy(bus: Bus) -> None:
    """The scan passes it on; without one, the decorator needs no parentheses."""

    @async_listen(on_error="collect")
    async def hear(event: BookRegistered, uow: AsyncLibrary) -> None:
        raise ValueError

    assert "__messagebus_listener__" in vars(hear)
    assert "collect" == vars(hear)["__messagebus_listener__"].on_error


async def test_errors_of_a_command_are_always_raised(bus: Bus) -> None:
    """The policy of the bus does not apply, and one of its own is refused."""

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        raise PermissionError

    with pytest.raises(ConfigurationError, match="handles a command"):
        bus.add_listener(Shelve, shelve, on_error="isolate")
    policies: list[Any] = ["collect", "isolate"]
    for policy in policies:
        other: Bus = Bus(on_error=policy)
        other.add_listener(Shelve, shelve)
        with pytest.raises(PermissionError):
            async with Saving() as transaction:
                await other.handle(Shelve(), transaction)


async def test_an_unknown_policy_is_refused(bus: Bus) -> None:
    """By the bus and for one listener."""
    policy: Any = "ignore"
    with pytest.raises(ConfigurationError, match="on_error must be one of 'raise', 'collect'"):
        Bus(on_error=policy)
    with pytest.raises(ConfigurationError, match=r"on_error of .*fail must be one of"):
        bus.add_listener(BookRegistered, failing("one"), on_error=policy)


async def test_middleware_sees_a_failure_before_it_is_isolated() -> None:
    """It may handle the error itself."""
    bus, uow, seen = Bus(on_error="isolate"), Saving(), []

    async def look(call: Any, call_next: Any) -> Any:
        try:
            return await call_next(call)
        except ValueError as error:
            seen.append(str(error))
            raise

    bus.add_middleware(look)
    bus.add_listener(BookRegistered, failing("one"))
    await publish(bus, uow)
    assert ["one"] == seen
    assert ["commit"] == uow.ended


async def test_what_an_outer_handler_has_raised_survives_an_isolated_failure() -> None:
    """Only what the isolated listener and those that it calls have raised is dropped."""
    bus, store, borrowed = Bus(), AsyncRecordingEventstore(), list[str]()

    async def register(command: RegisterBook, transaction: Any) -> None:
        book = Book(id=command.id)
        book.messages.append(BookBorrowed(id="outer"))
        await transaction.books.add(book)
        await bus.handle(BookRegistered(id="nested"), transaction)

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        """Do nothing."""

    async def nest_and_fail(event: BookRegistered, transaction: Any) -> None:
        await bus.handle(Shelve(), transaction)
        raise ValueError

    async def note(event: BookBorrowed, uow: AsyncLibrary) -> None:
        borrowed.append(event.id)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(Shelve, shelve)
    bus.add_listener(BookRegistered, nest_and_fail, on_error="isolate")
    bus.add_listener(BookBorrowed, note)
    await bus.execute(RegisterBook(id="1"), Saving(store))
    assert ["outer"] == borrowed


async def test_what_an_isolated_listener_has_handled_is_not_published() -> None:
    """Its nested *handle* is undone with it."""
    transport = AsyncRecorder()
    bus, uow = Bus(), Saving(AsyncRecordingEventstore(transport))

    async def nest_and_fail(event: BookRegistered, transaction: Any) -> None:
        await bus.handle(BookBorrowed(id="nested"), transaction)
        raise ValueError

    bus.add_listener(BookRegistered, nest_and_fail, on_error="isolate")
    await publish(bus, uow)
    assert ["book_registered_v1"] == types_of(transport)


async def test_a_group_with_a_failure_that_may_pass_is_not_isolated() -> None:
    """As that of an included consumer with several handlers."""
    bus, uow = Bus(on_error="isolate"), Saving()
    uow.transient = (BlockingIOError,)

    async def fail(event: BookRegistered, uow: AsyncLibrary) -> None:
        text = "two"
        raise ExceptionGroup(text, [ValueError(), BlockingIOError()])

    bus.add_listener(BookRegistered, fail)
    with pytest.raises(ExceptionGroup):
        await publish(bus, uow)
    assert [] == uow.kept


async def test_listeners_that_share_a_name_are_told_apart() -> None:
    """They are numbered in calling order; an object has the name of its class."""
    bus, uow = Bus(on_error="isolate"), Saving()
    for text in ("one", "two"):
        bus.add_listener(BookRegistered, failing(text))
    bus.add_listener(BookRegistered, Unwilling())
    await publish(bus, uow)
    assert ["fail", "fail#2", "Unwilling"] == [name for _, name, _ in uow.kept]


class Unwilling:
    """A listener that is an object, and fails."""

    async def __call__(self, event: BookRegistered, uow: AsyncLibrary) -> None:
        """Fail."""
        raise ValueError
