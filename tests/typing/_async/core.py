"""What a type checker knows of the core. A line that has to be refused says so with its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

from messagebus import (
    AsyncAbstractRepository,
    AsyncAbstractUnitOfWork,
    AsyncMessageBus,
    AsyncUnitOfWorkTransaction,
    Command,
    Event,
    Message,
    Metadata,
    Model,
    Returns,
    TransactionStatus,
    async_listen,
)


class Book(Model):
    """A model."""

    id: str


class Register(Command, Returns[Book]):
    """A command whose handler gives a book."""

    id: str
    metadata: Metadata = Metadata(name="register", schema_version=1)


class Count(Command, Returns[int | None]):
    """A command whose handler may give a number."""

    metadata: Metadata = Metadata(name="count", schema_version=1)


class Forget(Command):
    """A command that does not say what its handler gives."""

    metadata: Metadata = Metadata(name="forget", schema_version=1)


class Registered(Event):
    """An event."""

    metadata: Metadata = Metadata(name="registered", schema_version=1)


class AsyncBooks(AsyncAbstractRepository[Book]):
    """A repository."""

    async def get(self, id: str) -> Book:
        """Give a book."""
        return Book(id=id)


class AsyncAuthors(AsyncAbstractRepository[Model]):
    """Another repository."""


class AsyncLibrary(AsyncAbstractUnitOfWork[AsyncBooks | AsyncAuthors]):
    """A unit of work with two repositories."""

    books: AsyncBooks
    authors: AsyncAuthors

    async def commit(self) -> None:
        """Commit."""

    async def rollback(self) -> None:
        """Roll back."""


class AsyncBookshelf(AsyncAbstractUnitOfWork[AsyncBooks]):
    """A unit of work with one repository."""

    books: AsyncBooks

    async def commit(self) -> None:
        """Commit."""

    async def rollback(self) -> None:
        """Roll back."""


class Clock:
    """A dependency."""


@async_listen
async def register(command: Register, uow: AsyncLibrary) -> Book:
    """Annotated with the unit of work of the application: its repositories have their types."""
    assert_type(uow.books, AsyncBooks)
    return await uow.books.get(command.id)


@async_listen
async def count(command: Count, uow: AsyncUnitOfWorkTransaction[AsyncBooks]) -> int | None:
    """Annotated with the transaction: an attribute is one of the repositories."""
    assert_type(uow.books, AsyncBooks)
    assert_type(uow.status, TransactionStatus)
    return None


@async_listen
async def listen(event: Registered | Forget, uow: AsyncLibrary, clock: Clock) -> None:
    """Listen to a union, with a dependency."""


@async_listen  # type: ignore[type-var]
async def wrong_message(event: int, uow: AsyncLibrary) -> None:
    """A listener takes a message."""


@async_listen  # type: ignore[type-var]
async def wrong_unit_of_work(event: Registered, uow: int) -> None:
    """A listener takes a unit of work."""


@async_listen  # type: ignore[arg-type]
async def no_unit_of_work(event: Registered) -> None:
    """A listener takes two arguments."""


async def handling(bus: AsyncMessageBus[Any], library: AsyncLibrary) -> None:
    """Handle gives what the command says."""
    async with library as transaction:
        assert_type(transaction, AsyncUnitOfWorkTransaction[AsyncBooks | AsyncAuthors])
        assert_type(await bus.handle(Register(id="1"), transaction), Book)
        assert_type(await bus.handle(Count(), transaction), int | None)
        assert_type(await bus.handle(Forget(), transaction), Any)
        assert_type(await bus.handle(Registered(), transaction, clock=Clock()), Any)
        await bus.handle("text", transaction)  # type: ignore[call-overload]
        await bus.handle(Forget(), library)  # type: ignore[call-overload]
        await transaction.commit()


async def reaching(shelf: AsyncBookshelf) -> None:
    """Repositories are reached through the transaction with their type."""
    async with shelf as transaction:
        assert_type(transaction.books, AsyncBooks)
        assert_type(await transaction.books.get("1"), Book)
        assert_type(shelf.collect_new_events(), Iterator[Message[Any]])
        transaction.books.nothing  # type: ignore[attr-defined]  # noqa: B018


async def calling(library: AsyncLibrary) -> None:
    """A listener that was decorated keeps its type."""
    assert_type(await register(Register(id="1"), library), Book)
    await listen(Registered(), library, Clock())
    await listen(Registered(), library, clock="late")  # type: ignore[arg-type]
    await listen(Registered(), library)  # type: ignore[call-arg]


def registering(bus: AsyncMessageBus[Any]) -> None:
    """Listeners are added with a message type they fit."""
    bus.add_listener(Register, register)
    bus.add_listener(Registered, listen)
    bus.remove_listener(Registered, listen)
    bus.add_listener(Registered, len)  # type: ignore[arg-type]
