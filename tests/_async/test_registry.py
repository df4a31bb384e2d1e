"""The bus: registration, routing and results."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from messagebus import (
    AsyncMessageBus,
    Command,
    ConfigurationError,
    Event,
    InvalidMessageError,
    Metadata,
    Returns,
    UnhandledCommandWarning,
    async_listen,
)
from messagebus._routing.targets import Target
from messagebus.service._async.registry import ConfigurationError as OfRegistry
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests.library import (
    Book,
    BookBorrowed,
    BookRegistered,
    BorrowBook,
    Created,
    LibraryEvent,
    RareBookRegistered,
    Reader,
    RegisterBook,
    ShelfCounted,
    Shelve,
    ShelveTwice,
)

Heard = list[tuple[str, Any]]


def listener_that_notes(heard: Heard, name: str) -> Callable[..., Any]:
    """Return a listener that records its name and the message."""

    async def listen(message: Any, uow: Any) -> str:
        heard.append((name, message))
        return name

    return listen


def meddle(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], None]) -> None:
    """Do something while the bus next looks a listener up."""
    deeds, match = [deed], Target.match

    def meddling(self: Target, kind: type) -> Any:
        while deeds:
            deeds.pop()()
        return match(self, kind)

    monkeypatch.setattr(Target, "match", meddling)


async def handle(bus: AsyncMessageBus[Any], message: Any) -> Any:
    """Handle a message in a transaction of its own."""
    async with AsyncLibrary() as transaction:
        result = await bus.handle(message, transaction)
        await transaction.commit()
    return result


@pytest.fixture
def heard() -> Heard:
    """Return the record of the listeners."""
    return []


async def test_handle_returns_the_result_of_the_command_handler(
    bus: AsyncMessageBus[Any],
) -> None:
    """The command goes to its handler, and the result comes back."""

    async def borrow(command: BorrowBook, uow: AsyncLibrary) -> Book:
        return Book(id=command.id)

    bus.add_listener(BorrowBook, borrow)

    assert Book(id="1") == await handle(bus, BorrowBook(id="1"))


async def test_handle_returns_only_the_result_of_the_first_message(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """Results of later handlers are dropped; an event has no result."""

    async def register(command: RegisterBook, uow: AsyncLibrary) -> str:
        book = Book(id="1")
        book.messages.extend([BookRegistered(), Shelve()])
        await uow.books.add(book)
        return "first"

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, listener_that_notes([], "event"))
    bus.add_listener(Shelve, listener_that_notes([], "second"))

    async with uow as transaction:
        assert "first" == await bus.handle(RegisterBook(id="1"), transaction)
        assert await bus.handle(BookRegistered(), transaction) is None
        await transaction.commit()


async def test_the_result_is_that_of_the_first_time_a_message_is_handled(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """A handler that raises its own command again does not change the result."""
    attempts: list[RegisterBook] = []

    async def register(command: RegisterBook, uow: AsyncLibrary) -> int:
        attempts.append(command)
        if len(attempts) == 1:
            await uow.books.add(Book(id="1", messages=[command]))
        return len(attempts)

    bus.add_listener(RegisterBook, register)
    async with uow as transaction:
        assert 1 == await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    assert 2 == len(attempts)


async def test_every_listener_of_an_event_hears_it_in_the_order_of_registration(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """An event has any number of listeners."""
    for name in "abc":
        bus.add_listener(BookRegistered, listener_that_notes(heard, name))

    await handle(bus, BookRegistered(id="1"))

    assert [(name, BookRegistered(id="1")) for name in "abc"] == heard


async def test_an_event_without_listeners_is_stored(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """The eventstore gets every event."""
    async with uow as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await transaction.commit()

    assert [BookRegistered(id="1")] == eventstore.added


async def test_a_command_without_a_handler_returns_none_and_warns_once(
    bus: AsyncMessageBus[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log mentions a missing handler once for each type of command."""
    with caplog.at_level(logging.WARNING, logger="messagebus"):
        for _ in range(2):
            with pytest.warns(UnhandledCommandWarning):
                assert await handle(bus, Shelve()) is None
        assert await handle(bus, BookRegistered()) is None

    assert [f"{Shelve} command has no handler"] == [each.getMessage() for each in caplog.records]


@pytest.mark.parametrize("thing", ["text", None, Book(id="1"), BookRegistered])
async def test_an_object_that_is_no_message_is_refused(
    bus: AsyncMessageBus[Any], thing: Any
) -> None:
    """Only commands and events can be handled."""
    with pytest.raises(RuntimeError, match=" was not an Event or Command") as caught:
        await handle(bus, thing)

    assert f"{thing!r} was not an Event or Command" == str(caught.value)
    assert isinstance(caught.value, InvalidMessageError)
    assert thing is caught.value.message


async def test_a_model_can_raise_only_messages(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """Any other object that a model raises is refused."""

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        book = Book(id="1")
        book.messages.append("registered")  # type: ignore[arg-type]
        await uow.books.add(book)

    bus.add_listener(RegisterBook, register)

    with pytest.raises(InvalidMessageError, match="'registered' was not an Event or Command"):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)

    assert ["rollback"] == uow.ended


def test_a_command_has_one_handler(bus: AsyncMessageBus[Any], heard: Heard) -> None:
    """A second handler is refused, even the same one; the error names the first."""
    first = listener_that_notes(heard, "first")
    bus.add_listener(Shelve, first)

    for second in (first, listener_that_notes(heard, "second")):
        with pytest.raises(ConfigurationError) as caught:
            bus.add_listener(Shelve, second)
        assert f"{Shelve} command has been registered twice" == str(caught.value)
        assert Shelve is caught.value.message_type
        assert second is caught.value.listener
        assert "listener_that_notes" in caught.value.__notes__[0]
    assert {Shelve: first} == bus.commands_registry


def test_the_registries_show_the_callbacks_themselves(bus: AsyncMessageBus[Any]) -> None:
    """The callbacks can be looked up by type."""
    one, two = listener_that_notes([], "one"), listener_that_notes([], "two")
    bus.add_listener(Shelve, one)
    bus.add_listener(BookRegistered, one)
    bus.add_listener(BookRegistered, two)

    assert {Shelve: one} == bus.commands_registry
    assert {BookRegistered: [one, two]} == bus.events_registry


@pytest.mark.parametrize("kind", [Book, object, int, str | int, Book | Shelve])
def test_only_commands_and_events_can_be_listened_to(bus: AsyncMessageBus[Any], kind: Any) -> None:
    """Adding and removing refuse other types, and register nothing."""
    listener = listener_that_notes([], "listener")
    refused = kind if isinstance(kind, type) else kind.__args__[0]

    for attempt in (bus.add_listener, bus.remove_listener):
        with pytest.raises(ConfigurationError) as caught:
            attempt(kind, listener)
        assert (
            f"Invalid usage of the listen decorator: type {refused} should be a command or an event"
        ) == str(caught.value)
    assert {} == bus.commands_registry


async def test_a_removed_listener_hears_nothing(bus: AsyncMessageBus[Any], heard: Heard) -> None:
    """Removing undoes adding, for commands and events, and only for that callback."""
    command, one, two = (listener_that_notes(heard, name) for name in ("command", "one", "two"))
    bus.add_listener(Shelve, command)
    bus.add_listener(BookRegistered, one)
    bus.add_listener(BookRegistered, two)
    await handle(bus, Shelve())
    await handle(bus, BookRegistered())
    heard.clear()

    bus.remove_listener(Shelve, command)
    bus.remove_listener(BookRegistered, one)
    with pytest.warns(UnhandledCommandWarning):
        await handle(bus, Shelve())
    await handle(bus, BookRegistered())

    assert [("two", BookRegistered())] == heard
    bus.add_listener(Shelve, command)


def test_removing_an_unknown_listener_is_an_error(bus: AsyncMessageBus[Any]) -> None:
    """The type and the listener must be those that were registered."""
    one, two = listener_that_notes([], "one"), listener_that_notes([], "two")
    with pytest.raises(ConfigurationError) as caught:
        bus.remove_listener(Shelve, one)
    assert f"{Shelve} command has not been registered" == str(caught.value)

    bus.add_listener(Shelve, one)
    bus.add_listener(BookRegistered, one)
    with pytest.raises(ConfigurationError, match=re.escape(f"{Shelve} command has not been")):
        bus.remove_listener(Shelve, two)
    with pytest.raises(ConfigurationError) as caught:
        bus.remove_listener(BookRegistered, two)
    assert f"{BookRegistered} event has not been registered" == str(caught.value)
    assert {Shelve: one} == bus.commands_registry
    assert {BookRegistered: [one]} == bus.events_registry


async def test_a_base_class_hears_its_subclasses(bus: AsyncMessageBus[Any], heard: Heard) -> None:
    """A listener hears subclasses too; listeners of nearer classes come first."""
    bus.add_listener(Event, listener_that_notes(heard, "all events"))
    bus.add_listener(LibraryEvent, listener_that_notes(heard, "of the library"))
    bus.add_listener(BookRegistered, listener_that_notes(heard, "registered"))
    bus.add_listener(RareBookRegistered, listener_that_notes(heard, "rare"))

    await handle(bus, RareBookRegistered())
    await handle(bus, ShelfCounted())

    assert [
        "rare",
        "registered",
        "of the library",
        "all events",
        "of the library",
        "all events",
    ] == [name for name, _ in heard]


async def test_the_nearest_handler_takes_a_command(bus: AsyncMessageBus[Any], heard: Heard) -> None:
    """A handler of a base class takes a command without a handler of its own."""
    bus.add_listener(Command, listener_that_notes(heard, "any"))

    assert "any" == await handle(bus, ShelveTwice())
    bus.add_listener(Shelve, listener_that_notes(heard, "base"))
    assert "base" == await handle(bus, ShelveTwice())
    bus.add_listener(ShelveTwice, listener_that_notes(heard, "own"))
    assert "own" == await handle(bus, ShelveTwice())
    assert "base" == await handle(bus, Shelve())
    assert "any" == await handle(bus, RegisterBook(id="1"))


@pytest.mark.parametrize(
    "kind",
    [
        BookRegistered | BookBorrowed,
        BookRegistered | (BookBorrowed | BookRegistered),
        Annotated[BookRegistered | BookBorrowed, "both"],
    ],
)
async def test_a_union_hears_each_of_its_types(
    bus: AsyncMessageBus[Any], heard: Heard, kind: Any
) -> None:
    """A listener of a union is a listener of each member."""
    listener = listener_that_notes(heard, "listener")
    bus.add_listener(kind, listener)

    await handle(bus, BookRegistered())
    await handle(bus, BookBorrowed())
    await handle(bus, ShelfCounted())

    assert [BookRegistered(), BookBorrowed()] == [message for _, message in heard]
    bus.remove_listener(kind, listener)
    await handle(bus, BookRegistered())
    assert 2 == len(heard)


async def test_a_union_that_clashes_registers_nothing(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """A listener is registered for all members of a union or for none."""
    bus.add_listener(Shelve, listener_that_notes(heard, "first"))

    with pytest.raises(ConfigurationError, match="registered twice"):
        bus.add_listener(RegisterBook | Shelve, listener_that_notes(heard, "second"))

    assert [Shelve] == list(bus.commands_registry)


async def test_a_listener_of_a_class_and_its_base_hears_a_message_once(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """It is called once, in the place of the nearest matching class."""
    bus.add_listener(LibraryEvent, listener_that_notes(heard, "base"))
    bus.add_listener(LibraryEvent | BookRegistered, listener_that_notes(heard, "both"))

    await handle(bus, BookRegistered())

    assert ["both", "base"] == [name for name, _ in heard]


async def test_a_parametrized_generic_hears_messages_of_its_argument(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """The alias or the value tells the argument; the plain class hears all."""
    bus.add_listener(Created[Book], listener_that_notes(heard, "book"))
    bus.add_listener(Created[Reader], listener_that_notes(heard, "reader"))
    bus.add_listener(Created, listener_that_notes(heard, "any"))

    await handle(bus, Created[Book](entity=Book(id="1")))
    await handle(bus, Created(entity=Reader(id="1")))
    await handle(bus, Created[Book](entity=Book(id="2")))

    assert ["book", "any", "reader", "any", "book", "any"] == [name for name, _ in heard]


async def test_a_union_of_parametrized_generics_hears_messages_of_each(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """If only the value tells, one matching member is enough."""
    bus.add_listener(Created[Book] | Created[Reader], listener_that_notes(heard, "either"))
    created: list[Created[Any]] = [Created(entity=Book(id="1")), Created(entity=Reader(id="1"))]

    for event in (*created, Created(entity=1)):
        await handle(bus, event)

    assert created == [message for _, message in heard]


async def test_a_listener_that_is_added_later_hears_later_messages(
    bus: AsyncMessageBus[Any], heard: Heard
) -> None:
    """A change of the registry drops the cached routes."""
    await handle(bus, RareBookRegistered())
    bus.add_listener(BookRegistered, listener_that_notes(heard, "late"))
    await handle(bus, RareBookRegistered())

    assert ["late"] == [name for name, _ in heard]


def test_a_listener_takes_a_message_and_a_unit_of_work(bus: AsyncMessageBus[Any]) -> None:
    """A callable that does not accept both is refused at registration."""

    async def one(message: Any) -> None:
        """Take only a message."""

    async def keyword(message: Any, *, uow: Any) -> None:
        """Take the unit of work by name."""

    async def three(message: Any, uow: Any, tracker: Any, /) -> None:
        """Take a dependency by position."""

    for refused in (one, keyword, three, "no callable"):
        with pytest.raises(ConfigurationError):
            bus.add_listener(Shelve, refused)  # type: ignore[arg-type]
    assert {} == bus.commands_registry


async def test_any_callable_may_listen(bus: AsyncMessageBus[Any]) -> None:
    """Methods, callable objects and variadic functions are listeners too."""

    class Shelf:
        async def method(self, command: Shelve, uow: AsyncLibrary) -> str:
            return "method"

        async def __call__(self, command: BorrowBook, uow: AsyncLibrary) -> str:
            return "object"

    async def anything(*args: Any, **kwargs: Any) -> str:
        return "anything"

    shelf = Shelf()
    bus.add_listener(Shelve, shelf.method)
    bus.add_listener(BorrowBook, shelf)
    bus.add_listener(RegisterBook, anything)

    assert "method" == await handle(bus, Shelve())
    assert "object" == await handle(bus, BorrowBook(id="1"))
    assert "anything" == await handle(bus, RegisterBook(id="1"))
    bus.remove_listener(Shelve, shelf.method)


async def test_a_listener_need_not_be_hashable(bus: AsyncMessageBus[Any]) -> None:
    """A callable dataclass can be added and removed."""

    @dataclass
    class Registration:
        answer: str

        async def __call__(self, command: RegisterBook, uow: AsyncLibrary) -> str:
            return self.answer

    registration = Registration("registered")
    bus.add_listener(RegisterBook, registration)
    assert "registered" == await handle(bus, RegisterBook(id="1"))

    bus.remove_listener(RegisterBook, registration)
    assert {} == bus.commands_registry


async def test_a_listener_that_is_added_during_a_lookup_is_not_lost(
    bus: AsyncMessageBus[Any], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may add one; it hears the next message."""
    late = listener_that_notes(heard, "late")
    bus.add_listener(LibraryEvent, listener_that_notes(heard, "early"))
    meddle(monkeypatch, lambda: bus.add_listener(BookRegistered, late))

    await handle(bus, BookRegistered())
    await handle(bus, BookRegistered())

    assert ["early", "late", "early"] == [name for name, _ in heard]


async def test_a_listener_that_is_removed_during_a_lookup_disturbs_no_other(
    bus: AsyncMessageBus[Any], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may remove one; the others hear the message."""
    gone = listener_that_notes(heard, "gone")
    bus.add_listener(BookRegistered, gone)
    bus.add_listener(LibraryEvent, listener_that_notes(heard, "early"))
    meddle(monkeypatch, lambda: bus.remove_listener(BookRegistered, gone))

    await handle(bus, BookRegistered())

    assert ["early"] == [name for name, _ in heard]


def test_the_decorator_returns_the_decorated_function() -> None:
    """A listener can be called and tested as a plain function."""

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        """Register a book."""

    assert register is async_listen(register)


def test_errors_are_importable_as_in_the_api_reference() -> None:
    """Programs import ConfigurationError from the module of the bus."""
    assert ConfigurationError is OfRegistry


async def test_returns_does_not_change_the_message() -> None:
    """The mixin is for type checkers; it affects neither creation nor comparison."""

    class Count(Command, Returns[int]):
        shelf: str
        metadata: Metadata = Metadata(name="count", schema_version=1)

    assert Count(shelf="a") == Count(shelf="a")
    assert {"shelf"} == set(Count.model_fields) - {"message_id", "created_at", "metadata"}
