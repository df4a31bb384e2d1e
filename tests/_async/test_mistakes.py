"""Mistakes of a user: none passes in silence."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from threading import Thread
from typing import Any, Generic, TypeVar

import pytest

from messagebus import (
    AsyncMessageBus,
    Command,
    ConfigurationError,
    GenericCommand,
    Metadata,
    Model,
    TransactionError,
    UnexpectedDependencyError,
    UnhandledCommandWarning,
    async_listen,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore, types_of
from tests.library import BookRegistered, RegisterBook, ShelfCounted, Shelve

T = TypeVar("T")


class Media(Model):
    title: str = "Untitled"


class Film(Media):
    pass


class Create(GenericCommand[Metadata], Generic[T]):
    entity: T
    metadata: Metadata = Metadata(name="create", schema_version=1)


class Announce(Command):
    metadata: Metadata = Metadata(name="announce", schema_version=1, published=True)


async def shelve(command: Shelve, uow: Any) -> str:
    """Take no dependency."""
    return "shelved"


async def test_a_command_that_goes_nowhere_is_reported_where_it_is_handled(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """Each call warns, with the command and the line of the caller."""
    async with uow as transaction:
        for _ in range(2):
            with pytest.warns(UnhandledCommandWarning, match="Shelve has no handler") as caught:
                assert await bus.handle(Shelve(), transaction) is None
            [warning] = caught
            assert __file__ == warning.filename
            assert isinstance(warning.message, UnhandledCommandWarning)
            assert Shelve() == warning.message.command
        await transaction.rollback()


async def test_a_raised_command_that_goes_nowhere_is_reported(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """It does not matter who asked for it."""

    async def count(event: ShelfCounted, uow: AsyncLibrary) -> None:
        book = Media()
        book.messages.append(Shelve())
        uow.books.seen.append(book)  # type: ignore[arg-type]

    bus.add_listener(ShelfCounted, count)
    async with uow as transaction:
        with pytest.warns(UnhandledCommandWarning):
            await bus.handle(ShelfCounted(), transaction)
        await transaction.rollback()


async def test_a_published_command_needs_no_handler_here(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """It goes to the eventstream."""
    async with uow as transaction:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await bus.handle(Announce(), transaction)
        await transaction.rollback()


async def test_a_keyword_that_no_listener_asks_for_is_refused(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """A misspelt dependency is not dropped."""

    async def count(event: ShelfCounted, uow: Any, tracker: object = None) -> None:
        """Take a tracker, perhaps."""

    bus.add_listener(Shelve, shelve)
    bus.add_listener(ShelfCounted, count)
    async with uow as transaction:
        with pytest.raises(UnexpectedDependencyError, match="'traker'") as caught:
            await bus.handle(Shelve(), transaction, traker=object())
        assert ("traker",) == caught.value.dependencies
        assert ("tracker",) == caught.value.known
        assert "shelved" == await bus.handle(Shelve(), transaction, tracker=object())
        await transaction.rollback()


async def test_a_listener_with_any_keywords_gets_those_of_the_call(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """With such a listener, no keyword is unexpected."""

    async def collect(command: Shelve, uow: Any, /, **others: object) -> dict[str, object]:
        return others

    bus.add_listener(Shelve, collect)
    async with uow as transaction:
        assert {"a": 1, "b": 2} == await bus.handle(Shelve(), transaction, a=1, b=2)
        await transaction.rollback()


def test_a_scan_that_finds_nothing_is_reported_by_check(bus: AsyncMessageBus[Any]) -> None:
    """A wrong name, or listeners of the other colour, are not taken for an application."""
    bus.scan("json")

    with pytest.raises(ConfigurationError, match=r"scan\('json'\) found no listener"):
        bus.check()


@pytest.mark.parametrize("options", [{"provider": Media}, {"max_depth": Media}, {"max_depth": 0}])
def test_an_option_is_not_taken_for_a_dependency(options: dict[str, Any]) -> None:
    """The error says that the name is one of the bus itself."""
    with pytest.raises(ConfigurationError) as caught:
        AsyncMessageBus(**options)

    assert "is an option of the bus" in caught.value.__notes__[0]


def test_a_factory_that_needs_arguments_is_refused() -> None:
    """The bus has none to give."""

    def connect(url: str, timeout: float = 1.0) -> object:
        return object()

    with pytest.raises(ConfigurationError, match="needs url"):
        AsyncMessageBus(connection=connect)  # type: ignore[arg-type]


async def test_a_generator_as_a_factory_is_a_dependency_with_clean_up(uow: AsyncLibrary) -> None:
    """It is closed when the handle call ends."""
    seen: list[str] = []

    def connection() -> Iterator[str]:
        seen.append("opened")
        yield "connection"
        seen.append("closed")

    async def use(command: Shelve, uow: Any, connection: str) -> str:
        seen.append(connection)
        return connection

    bus: AsyncMessageBus[Any] = AsyncMessageBus(connection=connection)
    bus.add_listener(Shelve, use)
    async with uow as transaction:
        assert "connection" == await bus.handle(Shelve(), transaction)
        await transaction.rollback()

    assert ["opened", "connection", "closed"] == seen


async def test_a_unit_of_work_in_place_of_its_transaction_is_refused(
    bus: AsyncMessageBus[Any], uow: Any
) -> None:
    """The error says how to get a transaction."""
    bus.add_listener(Shelve, shelve)

    with pytest.raises(TransactionError, match="AsyncLibrary is not a transaction") as caught:
        await bus.handle(Shelve(), uow)
    assert "Enter the unit of work" in caught.value.__notes__[0]


@pytest.mark.parametrize("stored", [True, False])
async def test_an_error_tells_message_listener_and_causes(
    bus: AsyncMessageBus[Any], eventstore: AsyncRecordingEventstore, stored: bool
) -> None:
    """The note is there on both paths of handle, and does not grow with each handling."""
    refused = ValueError("refused")

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        book = Media()
        book.messages.append(BookRegistered())
        uow.books.seen.append(book)  # type: ignore[arg-type]

    async def announce(event: BookRegistered, uow: Any) -> None:
        raise refused

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, announce)
    for _ in range(2):
        with pytest.raises(ValueError, match="refused") as caught:
            async with AsyncLibrary(eventstore if stored else None) as transaction:
                await bus.handle(RegisterBook(id="1"), transaction)

    [note] = caught.value.__notes__
    assert "announce was handling BookRegistered" in note
    assert "RegisterBook -> BookRegistered" in note


async def test_calls_of_listeners_are_logged_for_debugging(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    """The level is read when the route of a message type is resolved."""
    bus.add_listener(Shelve, shelve)

    with caplog.at_level(logging.DEBUG, logger="messagebus"):
        async with uow as transaction:
            assert "shelved" == await bus.handle(Shelve(), transaction)
            await transaction.rollback()

    [record] = caplog.records
    assert "shelve handled Shelve" in record.getMessage()
    assert vars(record)["duration"] >= 0


async def test_an_error_leaves_the_transaction_rolled_back(uow: AsyncLibrary) -> None:
    """Programs for the original read it, and nothing can be done with it any more."""
    with pytest.raises(ValueError, match="refused"):
        async with uow as transaction:
            raise ValueError("refused")

    assert "rolledback" == transaction.status.value
    with pytest.raises(TransactionError):
        await transaction.commit()
    async with uow as other:
        await other.rollback()


async def test_a_transaction_keeps_what_it_was_given_in_another_thread(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """It is dropped with the rollback, and published with the commit."""
    for decide in ("rollback", "commit"):
        async with AsyncLibrary(eventstore) as transaction:
            await in_thread(transaction.eventstore, BookRegistered(id=decide))
            await getattr(transaction, decide)()

    assert ["book_registered_v1"] == types_of(transport)
    assert '{"id":"commit"}' == transport.sent[0]["payload"]


async def in_thread(eventstore: Any, message: BookRegistered) -> None:
    """Add a message in the context of another thread."""

    def add() -> None:
        adding = eventstore.add(message)
        if adding is not None:
            with pytest.raises(StopIteration):
                adding.send(None)

    thread = Thread(target=add)
    thread.start()
    thread.join()


async def test_a_transaction_cannot_be_copied(uow: AsyncLibrary) -> None:
    """Two of it would end one unit of work."""
    async with uow as transaction:
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copy.copy(transaction)
        await transaction.rollback()


async def test_equal_listeners_are_told_apart(bus: AsyncMessageBus[Any], uow: AsyncLibrary) -> None:
    """Listeners are the same by identity, not by equality."""

    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

        async def hear(self, event: ShelfCounted, uow: Any) -> None:
            self.count += 1

    first, second = Counting(), Counting()
    bus.add_listener(ShelfCounted, first.hear)
    bus.add_listener(ShelfCounted, second.hear)
    bus.add_listener(ShelfCounted, second.hear)
    async with uow as transaction:
        await bus.handle(ShelfCounted(), transaction)
        bus.remove_listener(ShelfCounted, first.hear)
        await bus.handle(ShelfCounted(), transaction)
        await transaction.rollback()

    assert [1, 2] == [first.count, second.count]


@pytest.mark.parametrize("order", [1, -1])
async def test_the_most_specific_handler_of_a_generic_command_wins(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, order: int
) -> None:
    """The order of registration does not matter."""

    async def media(command: Create[Media], uow: Any) -> str:
        return "media"

    async def film(command: Create[Film], uow: Any) -> str:
        return "film"

    handlers: list[tuple[Any, Any]] = [(Create[Media], media), (Create[Film], film)]
    for kind, handler in handlers[::order]:
        bus.add_listener(kind, handler)
    async with uow as transaction:
        command = Create[Any](entity=Film())
        assert "film" == await bus.handle(command, transaction)
        assert "media" == await bus.handle(Create[Any](entity=Media()), transaction)
        await transaction.rollback()


def test_a_second_handler_that_is_equally_near_is_refused(bus: AsyncMessageBus[Any]) -> None:
    """Nobody could tell which one would handle what both hear."""
    bus.add_listener(Create[int | str], shelve)

    with pytest.raises(ConfigurationError, match="equally near"):
        bus.add_listener(Create[str | bytes], shelve)


@pytest.mark.parametrize("argument", ["Film", list["Film"], dict[str, list["Film"]]], ids=str)
def test_a_quoted_type_argument_is_refused(bus: AsyncMessageBus[Any], argument: Any) -> None:
    """It would hear everything, also inside of another argument."""
    with pytest.raises(ConfigurationError, match="type argument 'Film' of Create is not resolved"):
        bus.add_listener(Create[argument], shelve)


def test_what_cannot_be_marked_is_refused() -> None:
    """A builtin has no room for the mark of a listener; a method has that of all objects."""

    class Handlers:
        async def hear(self, event: BookRegistered, uow: Any) -> None: ...

    unmarkable: list[Any] = [print, Handlers().hear]
    for each in unmarkable:
        with pytest.raises(ConfigurationError, match="cannot be marked as a listener"):
            async_listen(each)
