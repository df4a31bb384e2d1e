"""A transaction in which a command writes a row and raises events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from messagebus import AsyncAbstractRepository, AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork
from tests.running.aio import AsyncEngine, AsyncSession, new_engine, sqlite_url

from .._compat.aio import AsyncPostgres
from ..contender import Loop
from ..databases import POSTGRES, SQLITE, books, database
from ..measuring import at_the_end
from ..messages import Book, Register, Registered
from ..outbox import INSERT_ARRAYS, arrays, insertion, rows

INSERT_BOOK = sa.insert(books)


class AsyncStoredBooks(AsyncAbstractRepository[Book]):
    """Books in a table.

    Attributes:
        added: how many were stored.
    """

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.session = session
        self.added: int = 0

    async def add(self, book: Book, title: str) -> None:
        """Store a book."""
        await self.session.execute(INSERT_BOOK, {"id": book.id, "title": title})
        self.seen.append(book)
        self.added += 1


class AsyncShelves(AsyncSQLAlchemyUnitOfWork[AsyncStoredBooks]):
    """A unit of work with a repository in a database."""

    books: AsyncStoredBooks

    def attach(self, session: AsyncSession) -> None:
        """Create the repository."""
        self.books = AsyncStoredBooks(session)


def by_hand(kind: str, count: int) -> Loop:
    """Insert a book, then the command and its events in one statement, in one transaction."""
    engine = new_database_engine(kind)
    insert_messages = insertion(engine.dialect.name)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            id = str(uuid4())
            async with engine.begin() as connection:
                await connection.execute(INSERT_BOOK, {"id": id, "title": "A title"})
                await connection.execute(insert_messages, rows(id, count))

    return run


def through_a_session(count: int) -> Loop:
    """Do the same through a session of SQLAlchemy, as the unit of work does."""
    engine = new_database_engine(POSTGRES)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            id = str(uuid4())
            async with AsyncSession(engine) as session:
                await session.execute(INSERT_BOOK, {"id": id, "title": "A title"})
                connection = await session.connection()
                await connection.exec_driver_sql(INSERT_ARRAYS, tuple(arrays(rows(id, count))))
                await session.commit()

    return run


def through_the_driver(count: int) -> Loop:
    """Do the same with psycopg alone, an array for each column of the messages."""
    url = database(POSTGRES).replace("+psycopg", "")
    opened: list[AsyncPostgres[Any]] = []

    async def run(times: Iterable[None]) -> None:
        if not opened:
            opened.append(await AsyncPostgres.connect(url))
            at_the_end(opened[0].close)
        for _ in times:
            id = str(uuid4())
            async with opened[0].transaction():
                await opened[0].execute("INSERT INTO books VALUES (%s, %s)", (id, "A title"))
                await opened[0].execute(INSERT_ARRAYS, arrays(rows(id, count)))

    return run


def through_the_bus(kind: str, count: int) -> Loop:
    """Dispatch a command whose handler stores a book that raised the events."""
    engine = new_database_engine(kind)

    async def register(command: Register, transaction: Any) -> None:
        book = Book(id=command.id)
        for _ in range(count):
            book.messages.append(Registered(id=command.id, title=command.title))
        await transaction.books.add(book, command.title)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Register, register)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            command = Register(id=str(uuid4()), title="A title")
            async with AsyncShelves(engine) as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run


def new_database_engine(kind: str) -> AsyncEngine:
    """Return an engine for an empty database with all tables."""
    url = database(kind)
    engine = new_engine(sqlite_url(url.removeprefix("sqlite:///")) if kind == SQLITE else url)
    at_the_end(engine.dispose)
    return engine
