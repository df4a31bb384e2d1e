"""The domain of the core's tests: a small lending library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from messagebus import Command, Event, GenericEvent, Metadata, Model, Returns

T = TypeVar("T")


class RegisterBook(Command):
    """Adds a book to the library."""

    id: str
    title: str = "Untitled"
    metadata: Metadata = Metadata(name="register_book", schema_version=1)


class BorrowBook(Command, Returns["Book"]):
    """Lends a book."""

    id: str
    metadata: Metadata = Metadata(name="borrow_book", schema_version=1)


class Shelve(Command):
    """A command without a handler, unless a test registers one."""

    id: str = "1"
    metadata: Metadata = Metadata(name="shelve", schema_version=1)


class ShelveTwice(Shelve):
    """A command that is derived from another one."""

    metadata: Metadata = Metadata(name="shelve_twice", schema_version=1)


class LibraryEvent(Event):
    """The base class of the library's events."""

    id: str = "1"


class BookRegistered(LibraryEvent):
    """A book was added."""

    metadata: Metadata = Metadata(name="book_registered", schema_version=1, published=True)


class BookBorrowed(LibraryEvent):
    """A book was lent."""

    metadata: Metadata = Metadata(name="book_borrowed", schema_version=2, published=True)


class ShelfCounted(LibraryEvent):
    """A private event."""

    metadata: Metadata = Metadata(name="shelf_counted", schema_version=1)


class RareBookRegistered(BookRegistered):
    """An event that is derived from another one."""

    metadata: Metadata = Metadata(name="rare_book_registered", schema_version=1, published=True)


class Created(GenericEvent[Metadata], Generic[T]):
    """A generic event."""

    entity: T
    metadata: Metadata = Metadata(name="created", schema_version=1)


class Book(Model):
    """A book."""

    id: str
    title: str = "Untitled"


class Reader(Model):
    """A reader."""

    id: str


class Later(Generic[T]):
    """A result that a bus waits for."""

    def __await__(self) -> Iterator[T]:
        """Give nothing."""
        return iter(())
