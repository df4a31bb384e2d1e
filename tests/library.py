"""A small library, which the tests of the core run."""

from __future__ import annotations

from typing import Generic, TypeVar

from messagebus import Command, Event, GenericEvent, Metadata, Model, Returns

T = TypeVar("T")


class RegisterBook(Command):
    """A book comes into the library."""

    id: str
    title: str = "Untitled"
    metadata: Metadata = Metadata(name="register_book", schema_version=1)


class BorrowBook(Command, Returns["Book"]):
    """Somebody takes a book home."""

    id: str
    metadata: Metadata = Metadata(name="borrow_book", schema_version=1)


class Shelve(Command):
    """No handler of the tests takes it unless it says so."""

    id: str = "1"
    metadata: Metadata = Metadata(name="shelve", schema_version=1)


class ShelveTwice(Shelve):
    """A command derived from another one."""

    metadata: Metadata = Metadata(name="shelve_twice", schema_version=1)


class LibraryEvent(Event):
    """Base of what happens in the library."""

    id: str = "1"


class BookRegistered(LibraryEvent):
    """A book has come."""

    metadata: Metadata = Metadata(name="book_registered", schema_version=1, published=True)


class BookBorrowed(LibraryEvent):
    """A book has gone."""

    metadata: Metadata = Metadata(name="book_borrowed", schema_version=2, published=True)


class ShelfCounted(LibraryEvent):
    """Something that is of no concern to others."""

    metadata: Metadata = Metadata(name="shelf_counted", schema_version=1)


class RareBookRegistered(BookRegistered):
    """An event derived from another one."""

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
    """Somebody who reads."""

    id: str
