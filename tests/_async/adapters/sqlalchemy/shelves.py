"""A unit of work that stores books in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from messagebus import AsyncAbstractRepository, AsyncMessageBus, Event
from messagebus.adapters.sqlalchemy import (
    AsyncMessageHistory,
    AsyncSQLAlchemyUnitOfWork,
    StoredMessage,
    tables,
)
from tests.bookshelf import books
from tests.library import Book, BookBorrowed, BookRegistered, RegisterBook, ShelfCounted
from tests.running.aio import AsyncEngine, AsyncSession


class AsyncStoredBooks(AsyncAbstractRepository[Book]):
    """Books in a table, by statements of SQLAlchemy Core."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.session = session

    async def add(self, book: Book) -> None:
        """Store a book."""
        await self.session.execute(sa.insert(books).values(id=book.id, title=book.title))
        self.seen.append(book)

    async def titles(self) -> Sequence[str]:
        """Return the titles of all books."""
        return (await self.session.scalars(sa.select(books.c.title).order_by(books.c.id))).all()


class AsyncShelves(AsyncSQLAlchemyUnitOfWork[AsyncStoredBooks]):
    """The unit of work of the tests."""

    books: AsyncStoredBooks

    def attach(self, session: AsyncSession) -> None:
        """Create the repository."""
        self.books = AsyncStoredBooks(session)


async def register(command: RegisterBook, uow: AsyncShelves) -> Book:
    """Store a book, and raise an event."""
    book = Book(id=command.id, title=command.title)
    book.messages.append(BookRegistered(id=book.id))
    await uow.books.add(book)
    return book


async def count(event: BookRegistered, uow: AsyncShelves) -> None:
    """Count the shelf, which raises a private event."""
    book = Book(id=event.id)
    book.messages.append(ShelfCounted(id=event.id))
    uow.books.seen.append(book)


def new_bus() -> AsyncMessageBus[Any]:
    """Return a bus on which a registered book is one command and two events."""
    bus = AsyncMessageBus[Any]()
    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, count)
    return bus


async def publish(engine: AsyncEngine, *ids: str) -> list[Event]:
    """Commit one published event for each id, all in one transaction."""
    events: list[Event] = [BookBorrowed(id=id) for id in ids]
    bus = AsyncMessageBus[Any]()
    async with AsyncShelves(engine) as transaction:
        for event in events:
            await bus.handle(event, transaction)
        await transaction.commit()
    return events


async def stored(engine: AsyncEngine) -> list[StoredMessage]:
    """Return the stored messages."""
    return [record async for record in AsyncMessageHistory(engine).records()]


async def stored_titles(engine: AsyncEngine) -> Sequence[str]:
    """Return the stored titles."""
    async with AsyncShelves(engine) as transaction:
        titles = await transaction.books.titles()
        await transaction.rollback()
    return titles


async def take_positions(uow: AsyncShelves) -> None:
    """Write the handled messages long before the commit, so that others may commit meanwhile."""
    await uow.session.execute(sa.insert(tables.messages), uow.eventstore.rows)
    uow.eventstore._rows.clear()
