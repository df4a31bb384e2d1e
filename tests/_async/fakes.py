"""Repositories, an eventstore and a unit of work that live in memory and fail when told to."""

from __future__ import annotations

from typing import Any

from messagebus import (
    AsyncAbstractEventstreamTransport,
    AsyncAbstractRepository,
    AsyncAbstractUnitOfWork,
    AsyncEventstoreAbstractRepository,
    AsyncEventstreamPublisher,
    Message,
)
from messagebus.testing.outbox import AsyncRecorder
from tests.library import Book, Reader


def types_of(transport: AsyncRecorder) -> list[str]:
    """Return the types of the messages that were sent."""
    return [message["type"] for message in transport.sent]


class AsyncBooks(AsyncAbstractRepository[Book]):
    """Books by their id."""

    def __init__(self) -> None:
        super().__init__()
        self.books: dict[str, Book] = {}

    async def add(self, book: Book) -> None:
        """Add a book."""
        self.books[book.id] = book
        self.seen.append(book)

    async def get(self, id: str) -> Book:
        """Return a book."""
        book = self.books[id]
        self.seen.append(book)
        return book


class AsyncReaders(AsyncAbstractRepository[Reader]):
    """Readers, which are only marked as seen."""

    def look_at(self, reader: Reader) -> None:
        """Mark a reader as seen."""
        self.seen.append(reader)


class AsyncRecordingEventstore(AsyncEventstoreAbstractRepository):
    """Records every added message, whether or not the transaction is committed."""

    def __init__(self, transport: AsyncAbstractEventstreamTransport | None = None) -> None:
        super().__init__(None if transport is None else AsyncEventstreamPublisher(transport))
        self.added: list[Message[Any]] = []

    async def _add(self, message: Message[Any]) -> None:
        self.added.append(message)


class AsyncLibrary(AsyncAbstractUnitOfWork[AsyncBooks | AsyncReaders]):
    """The unit of work of the library."""

    def __init__(self, eventstore: AsyncEventstoreAbstractRepository | None = None) -> None:
        self.books = AsyncBooks()
        self.readers = AsyncReaders()
        self.ended: list[str] = []
        self.failing = ""
        if eventstore is not None:
            self.eventstore = eventstore

    async def commit(self) -> None:
        """Record the commit, or fail."""
        await self._end("commit")

    async def rollback(self) -> None:
        """Record the rollback, or fail."""
        await self._end("rollback")

    async def _end(self, how: str) -> None:
        if self.failing == how:
            text = f"no {how}"
            raise OSError(text)
        self.ended.append(how)
