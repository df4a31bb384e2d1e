"""The unit of work: collecting messages from its repositories."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import suppress
from dataclasses import FrozenInstanceError, dataclass, field
from functools import cached_property, partial
from typing import Any

import pytest

from messagebus import (
    AsyncAbstractUnitOfWork,
    AsyncMessageBus,
    ConfigurationError,
    InvalidMessageError,
    Message,
)
from tests._async.fakes import AsyncBooks, AsyncLibrary, AsyncRecordingEventstore
from tests.library import (
    Book,
    BookBorrowed,
    BookRegistered,
    Reader,
    RegisterBook,
    ShelfCounted,
    Shelve,
)


class AsyncShelves(AsyncAbstractUnitOfWork[AsyncBooks]):
    """A unit of work whose repositories are assigned and deleted."""

    def __init__(self) -> None:
        self.books: AsyncBooks | None = None

    @cached_property
    def archive(self) -> AsyncBooks:
        """A repository that is created on first use."""
        return AsyncBooks()

    async def commit(self) -> None:
        """Do nothing."""

    async def rollback(self) -> None:
        """Do nothing."""


def test_the_abstract_unit_of_work_cannot_be_instantiated() -> None:
    """Commit and rollback must be implemented."""
    with pytest.raises(TypeError, match="abstract"):
        AsyncAbstractUnitOfWork()  # type: ignore[abstract]


async def test_raised_messages_are_collected_once(uow: AsyncLibrary) -> None:
    """Collecting takes the messages off the models and empties the lists of seen models."""
    book = Book(id="1", messages=[])
    book.messages.extend([BookRegistered(id="1"), ShelfCounted(id="1")])
    await uow.books.add(book)

    assert [BookRegistered(id="1"), ShelfCounted(id="1")] == list(uow.collect_new_events())
    assert [] == list(uow.collect_new_events())
    assert [] == book.messages
    assert [] == uow.books.seen


async def test_messages_of_several_repositories_come_in_the_order_they_were_raised(
    uow: AsyncLibrary,
) -> None:
    """The order of repositories and models does not matter."""
    book, reader, other = Book(id="1"), Reader(id="1"), Book(id="2")
    uow.readers.look_at(reader)
    await uow.books.add(other)
    await uow.books.add(book)
    book.messages.append(BookRegistered(id="first"))
    reader.messages.append(BookBorrowed(id="second"))
    other.messages.append(BookRegistered(id="third"))
    book.messages.append(BookRegistered(id="fourth"))

    assert [
        BookRegistered(id="first"),
        BookBorrowed(id="second"),
        BookRegistered(id="third"),
        BookRegistered(id="fourth"),
    ] == list(uow.collect_new_events())


async def test_messages_of_one_model_keep_the_order_of_its_list(uow: AsyncLibrary) -> None:
    """A model may raise a message long after the message was created."""
    early, late = BookRegistered(id="made first"), BookRegistered(id="made last")
    book = Book(id="1")
    book.messages.extend([late, early])
    await uow.books.add(book)

    assert [late, early] == list(uow.collect_new_events())


async def test_a_repository_that_appears_later_is_found() -> None:
    """Repositories may be assigned, replaced or created on first use at any time."""
    uow = AsyncShelves()
    assert [] == list(uow.collect_new_events())

    for id in "12":
        uow.books = AsyncBooks()
        await uow.books.add(Book(id=id, messages=[]))
        uow.books.books[id].messages.append(BookRegistered(id=id))
        assert [BookRegistered(id=id)] == list(uow.collect_new_events())

    book = Book(id="3")
    book.messages.append(BookRegistered(id="3"))
    await uow.archive.add(book)
    assert [BookRegistered(id="3")] == list(uow.collect_new_events())


async def test_a_repository_that_a_descriptor_creates_is_found() -> None:
    """Cached properties of other libraries add attributes without an assignment."""

    class made_once:  # noqa: N801
        def __init__(self, make: Callable[[Any], AsyncBooks]) -> None:
            self.make = make

        def __get__(self, uow: Any, owner: type) -> AsyncBooks:
            uow.__dict__[self.make.__name__] = made = self.make(uow)
            return made

    class Made(AsyncShelves):
        @made_once
        def attic(self) -> AsyncBooks:
            return AsyncBooks()

    uow = Made()
    assert [] == list(uow.collect_new_events())

    await uow.attic.add(Book(id="1", messages=[BookRegistered(id="1")]))
    assert [BookRegistered(id="1")] == list(uow.collect_new_events())


def by_property() -> AsyncAbstractUnitOfWork[Any]:
    """Return a unit of work that creates its repository in a property."""

    class Made(AsyncShelves):
        @property
        def attic(self) -> AsyncBooks:
            return self.__dict__.setdefault("made", Own())  # type: ignore[no-any-return]

    return Made()


def by_getattr() -> AsyncAbstractUnitOfWork[Any]:
    """Return a unit of work that creates any attribute on access."""

    class Made(AsyncShelves):
        def __getattr__(self, name: str) -> AsyncBooks:
            return self.__dict__.setdefault(name, Own())  # type: ignore[no-any-return]

    return Made()


def by_hand() -> AsyncAbstractUnitOfWork[Any]:
    """Return a unit of work that refuses assignments."""

    @dataclass(frozen=True)
    class Made(AsyncAbstractUnitOfWork[AsyncBooks]):
        def open(self) -> AsyncBooks:
            """Create the repository."""
            object.__setattr__(self, "attic", Own())
            return self.attic  # type: ignore[attr-defined, no-any-return]

        async def commit(self) -> None:
            """Do nothing."""

        async def rollback(self) -> None:
            """Do nothing."""

    return Made()


class Own(AsyncBooks):
    """Repositories that store the seen models in a way of their own."""

    __slots__ = ("seen",)


@pytest.mark.parametrize("make", [by_property, by_getattr, by_hand])
async def test_a_repository_that_was_not_assigned_is_found(
    make: Callable[[], AsyncAbstractUnitOfWork[Any]],
) -> None:
    """It does not matter how a class creates the attribute."""
    uow: Any = make()
    assert [] == list(uow.collect_new_events())

    attic = uow.open() if hasattr(type(uow), "open") else uow.attic
    await attic.add(Book(id="1", messages=[BookRegistered(id="1")]))
    assert [BookRegistered(id="1")] == list(uow.collect_new_events())


async def test_a_repository_is_found_from_its_first_use_on() -> None:
    """It does not matter when, or in which of several units of work, it is used first."""
    books = AsyncBooks()
    uows = [AsyncShelves(), AsyncShelves()]
    for uow in uows:
        uow.books = books
        assert [] == list(uow.collect_new_events())

    for uow in uows:
        for id in "12":
            await books.add(Book(id=id, messages=[BookRegistered(id=id)]))
            assert [BookRegistered(id=id)] == list(uow.collect_new_events())


async def test_models_added_by_a_bound_method_are_collected() -> None:
    """Code that holds a method of the list may add to it at any time."""

    class Kept(AsyncBooks):
        def __init__(self) -> None:
            super().__init__()
            self.see = self.seen.append

    uow = AsyncShelves()
    uow.books = books = Kept()
    for id in "12":
        assert [] == list(uow.collect_new_events())
        books.see(Book(id=id, messages=[BookRegistered(id=id)]))
        assert [BookRegistered(id=id)] == list(uow.collect_new_events())


async def test_another_list_of_seen_models_is_collected() -> None:
    """A repository may get another list, which its owner may keep using."""
    uow = AsyncShelves()
    uow.books = books = AsyncBooks()
    for id in "12":
        assert [] == list(uow.collect_new_events())
        books.seen = models = []
        for again in "ab":
            models.append(Book(id=id, messages=[BookRegistered(id=id + again)]))
            assert [BookRegistered(id=id + again)] == list(uow.collect_new_events())


def own_property() -> type[AsyncBooks]:
    """Return repositories that store the seen models elsewhere."""

    class Own(AsyncBooks):
        @property
        def seen(self) -> MutableSequence[Book]:
            return self._seen

        @seen.setter
        def seen(self, models: MutableSequence[Book]) -> None:
            self._seen = models

    return Own


def own_slot() -> type[AsyncBooks]:
    """Return repositories that store the seen models in a slot."""

    class Own(AsyncBooks):
        __slots__ = ("seen",)

    return Own


def own_attribute() -> type[AsyncBooks]:
    """Return repositories whose class has the attribute too."""

    class Own(AsyncBooks):
        seen: MutableSequence[Book] = ()  # type: ignore[assignment]

    return Own


def own_field() -> type[AsyncBooks]:
    """Return repositories that are dataclasses with a field without a default."""

    @dataclass
    class Own(AsyncBooks):
        seen: MutableSequence[Book]
        session: str

    return partial(Own, [], "session")  # type: ignore[return-value]


def frozen_field() -> type[AsyncBooks]:
    """Return repositories that refuse assignments."""

    @dataclass(frozen=True)
    class Own(AsyncBooks):
        seen: MutableSequence[Book] = field(default_factory=list)

    return Own


def own_dict() -> type[AsyncBooks]:
    """Return repositories that write to their __dict__."""

    class Own(AsyncBooks):
        def __init__(self) -> None:
            self.__dict__.update(seen=[])

    return Own


def other_base() -> type[AsyncBooks]:
    """Return repositories that inherit it from another base."""

    class Sees:
        models: MutableSequence[Book]

        @property
        def seen(self) -> MutableSequence[Book]:
            return self.models

        @seen.setter
        def seen(self, models: MutableSequence[Book]) -> None:
            self.models = models

    class Own(AsyncBooks, Sees):
        pass

    return Own


def picky() -> type[AsyncBooks]:
    """Return repositories that refuse unknown attributes."""

    class Own(AsyncBooks):
        def __setattr__(self, name: str, value: Any) -> None:
            assert name in ("seen", "books")
            super().__setattr__(name, value)

    return Own


@pytest.mark.parametrize(
    "make",
    [
        own_property,
        own_slot,
        own_attribute,
        own_field,
        frozen_field,
        own_dict,
        other_base,
        picky,
    ],
)
async def test_a_repository_may_have_a_seen_of_its_own(
    make: Callable[[], type[AsyncBooks]],
) -> None:
    """It is read each time, however it stores the models."""
    uow = AsyncShelves()
    uow.books = books = make()()
    for id in "12":
        assert [] == list(uow.collect_new_events())
        books.seen.append(Book(id=id, messages=[BookRegistered(id=id)]))
        assert [BookRegistered(id=id)] == list(uow.collect_new_events())
        assert [] == list(books.seen)
        with suppress(FrozenInstanceError):
            books.seen = []


async def test_models_of_a_copied_repository_are_collected() -> None:
    """A copy shares the list until it gets another one."""
    uow = AsyncShelves()
    uow.books = books = AsyncBooks()
    assert [] == list(uow.collect_new_events())

    copied = copy.copy(books)
    copied.seen.append(Book(id="1", messages=[BookRegistered(id="1")]))
    assert [BookRegistered(id="1")] == list(uow.collect_new_events())

    copied.seen = [Book(id="2", messages=[BookRegistered(id="2")])]
    assert [] == list(uow.collect_new_events())


async def test_a_repository_may_delegate_to_others() -> None:
    """The list of the current one is collected."""

    class Current(AsyncBooks):
        def __init__(self, books: AsyncBooks) -> None:
            self.current = books

        def __getattr__(self, name: str) -> Any:
            return getattr(self.current, name)

    uow = AsyncShelves()
    first, second = AsyncBooks(), AsyncBooks()
    uow.books = current = Current(first)
    for books in (first, second) * 2:
        current.current = books
        assert [] == list(uow.collect_new_events())
        current.seen.append(Book(id="1", messages=[BookRegistered(id="1")]))
        assert [BookRegistered(id="1")] == list(uow.collect_new_events())


async def test_seen_may_be_deleted_and_set_again() -> None:
    """It is an ordinary attribute."""
    uow = AsyncShelves()
    uow.books = books = AsyncBooks()
    assert [] == list(uow.collect_new_events())

    del books.seen
    with pytest.raises(AttributeError, match="no attribute 'seen'"):
        books.seen  # noqa: B018
    with pytest.raises(AttributeError, match="seen"):
        del books.seen
    books.seen = [Book(id="1", messages=[BookRegistered(id="1")])]
    assert [BookRegistered(id="1")] == list(uow.collect_new_events())


async def test_a_deleted_repository_is_not_collected() -> None:
    """Nor is one that was replaced by another object."""
    uow = AsyncShelves()
    uow.books = AsyncBooks()
    book = Book(id="1")
    book.messages.append(BookRegistered(id="1"))
    await uow.books.add(book)
    list(uow.collect_new_events())
    await uow.books.add(book)
    book.messages.append(BookRegistered(id="2"))
    del uow.books

    assert [] == list(uow.collect_new_events())


async def test_a_model_may_raise_again_each_time_it_is_seen(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """The messages of a model that an event handler loads again are collected again."""

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        book = Book(id=command.id)
        book.messages.append(BookRegistered(id=command.id))
        await uow.books.add(book)

    async def borrow(event: BookRegistered, uow: AsyncLibrary) -> None:
        book = await uow.books.get(event.id)
        book.messages.append(BookBorrowed(id=event.id))

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, borrow)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    assert [RegisterBook(id="1"), BookRegistered(id="1"), BookBorrowed(id="1")] == eventstore.added


async def test_messages_raised_before_the_command_are_handled_with_it(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """Messages of models that the application added before are not lost."""

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        """Do nothing."""

    bus.add_listener(Shelve, shelve)
    async with uow as transaction:
        book = Book(id="1")
        book.messages.append(BookRegistered(id="1"))
        await uow.books.add(book)
        await bus.handle(Shelve(), transaction)
        await transaction.commit()

    assert [Shelve(), BookRegistered(id="1")] == eventstore.added


async def test_repositories_may_be_in_slots() -> None:
    """A dataclass with slots may be a unit of work."""

    @dataclass(slots=True)
    class Slotted(AsyncAbstractUnitOfWork[AsyncBooks]):
        books: AsyncBooks = field(default_factory=AsyncBooks)
        archive: AsyncBooks = field(init=False)

        async def commit(self) -> None:
            """Do nothing."""

        async def rollback(self) -> None:
            """Do nothing."""

    uow = Slotted()
    for id in "12":
        await uow.books.add(Book(id=id, messages=[BookRegistered(id=id)]))
        assert [BookRegistered(id=id)] == list(uow.collect_new_events())
        uow.books = AsyncBooks()


async def test_a_unit_of_work_may_override_the_collection(bus: AsyncMessageBus[Any]) -> None:
    """It may return any iterator, even an empty one."""

    class Collecting(AsyncLibrary):
        def collect_new_events(self) -> Iterator[Message[Any]]:
            yield from super().collect_new_events()

    async def shelve(command: Shelve, uow: AsyncLibrary) -> str:
        return "shelved"

    bus.add_listener(Shelve, shelve)
    async with Collecting() as transaction:
        for _ in range(2):
            assert "shelved" == await bus.handle(Shelve(), transaction)
        await transaction.commit()


async def test_a_repository_without_seen_is_an_error() -> None:
    """The error says to call the constructor of the base class."""

    class Forgetful(AsyncBooks):
        def __init__(self) -> None:
            """Do not call the base class."""

    uow = AsyncShelves()
    uow.books = Forgetful()

    with pytest.raises(ConfigurationError, match="Forgetful has no attribute 'seen'") as caught:
        uow.collect_new_events()
    assert "super().__init__()" in caught.value.__notes__[0]


async def test_two_models_that_raise_other_objects_are_refused(uow: AsyncLibrary) -> None:
    """The error names the object that cannot be ordered."""
    for id in "12":
        book = Book(id=id)
        book.messages.append("registered")  # type: ignore[arg-type]
        await uow.books.add(book)

    with pytest.raises(InvalidMessageError, match="'registered' was not an Event or Command"):
        list(uow.collect_new_events())


async def test_a_repository_that_replaces_another_attribute_is_found() -> None:
    """It is found although the number of attributes is the same."""
    uow = AsyncShelves()
    assert [] == list(uow.collect_new_events())

    del uow.books
    book = Book(id="1")
    book.messages.append(BookRegistered(id="1"))
    await uow.archive.add(book)

    assert [BookRegistered(id="1")] == list(uow.collect_new_events())


async def test_a_copy_of_a_unit_of_work_runs_its_own_transaction(uow: AsyncLibrary) -> None:
    """A copy of a unit of work with a running transaction has none."""
    async with uow as transaction:
        async with copy.copy(uow) as other:
            await other.rollback()
        await transaction.commit()
