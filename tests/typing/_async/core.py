"""The types of the core. A line that mypy must refuse names the error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar, assert_type

from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import messagebus
from messagebus import (
    AsyncAbstractRepository,
    AsyncAbstractUnitOfWork,
    AsyncHandleCall,
    AsyncListenerCall,
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
from messagebus.retry import Retry
from messagebus.typing import AsyncNext

P = ParamSpec("P")
R = TypeVar("R")


class Book(Model):
    """A model."""

    id: str


class Register(Command, Returns[Book]):
    """A command whose handler returns a book."""

    id: str
    metadata: Metadata = Metadata(name="register", schema_version=1)


class Count(Command, Returns[int | None]):
    """A command whose handler returns a number or None."""

    metadata: Metadata = Metadata(name="count", schema_version=1)


class Forget(Command):
    """A command without a declared result."""

    metadata: Metadata = Metadata(name="forget", schema_version=1)


class Registered(Event):
    """An event."""

    metadata: Metadata = Metadata(name="registered", schema_version=1)


class AsyncBooks(AsyncAbstractRepository[Book]):
    """A repository."""

    async def get(self, id: str) -> Book:
        """Return a book."""
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
    """Take the application's unit of work, whose repositories are typed."""
    assert_type(uow.books, AsyncBooks)
    return await uow.books.get(command.id)


@async_listen
async def count(command: Count, uow: AsyncUnitOfWorkTransaction[AsyncBooks]) -> int | None:
    """Take the transaction, whose attributes are one of the repositories."""
    assert_type(uow.books, AsyncBooks)
    assert_type(uow.status, TransactionStatus)
    return None


@async_listen
async def listen(event: Registered | Forget, uow: AsyncLibrary, clock: Clock) -> None:
    """Hear a union, with a dependency."""


@async_listen  # type: ignore[type-var]
async def wrong_message(event: int, uow: AsyncLibrary) -> None:
    """Take a number as the message."""


class HasBooks(Protocol):
    """What a listener needs of a unit of work, whichever it is."""

    books: AsyncBooks


@async_listen
async def through_a_port(event: Registered, uow: HasBooks) -> None:
    """Take any unit of work that has books."""
    assert_type(uow.books, AsyncBooks)
    assert uow.authors  # type: ignore[attr-defined]


class ReadsBooks(Protocol):
    """A port whose repository is read-only."""

    @property
    def books(self) -> AsyncBooks:
        """The books."""
        ...


@async_listen
async def through_a_property(event: Registered, uow: ReadsBooks) -> None:
    """Take any unit of work that has books, even as a property."""
    assert_type(uow.books, AsyncBooks)
    assert uow.boks  # type: ignore[attr-defined]


@async_listen
async def by_transaction(
    event: Registered, uow: AsyncUnitOfWorkTransaction[Any, AsyncLibrary]
) -> None:
    """Take the transaction of a unit of work, whose repositories are typed as well."""
    assert_type(uow.uow.authors, AsyncAuthors)
    assert uow.uow.autors  # type: ignore[attr-defined]


@async_listen
def plain(command: Register, uow: AsyncLibrary) -> Book:
    """Listen by a plain function, which works at run time, too."""
    return Book(id=command.id)


def logged(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a listener by an ordinary decorator."""
    return function


@async_listen
@logged
async def under_a_decorator(command: Count, uow: AsyncLibrary) -> int:
    """Listen under a decorator that keeps the parameters."""
    return 1


class OrmBook:
    """A class of an ORM, which is a model because it has messages."""

    def __init__(self) -> None:
        self.messages: list[Event] = []


class AsyncOrmBooks(AsyncAbstractRepository[OrmBook]):
    """A repository of them."""


class Base(DeclarativeBase):
    """The declarative base of SQLAlchemy."""


class MappedBook(Base):
    """A mapped class, whose messages are no column."""

    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)

    @property
    def messages(self) -> list[Event]:
        """The messages that it raised."""
        return []


class PlainBook(BaseModel):
    """A model of pydantic alone."""

    id: int
    messages: list[Event] = []


class AsyncMappedBooks(AsyncAbstractRepository[MappedBook | PlainBook]):
    """A repository of classes that have nothing in common but their messages."""

    async def add(self, book: MappedBook) -> None:
        """Add a book, and remember that it was seen."""
        self.seen.append(book)
        self.seen.append(1)  # type: ignore[arg-type]


class AsyncNumbers(AsyncAbstractRepository[int]):  # type: ignore[type-var]
    """A repository of things without messages."""


class Listeners:
    """Listeners may be methods."""

    @staticmethod
    @async_listen
    async def static(event: Registered, uow: AsyncLibrary) -> None:
        """Listen."""

    @classmethod
    async def of_class(cls, event: Registered, uow: AsyncLibrary) -> None:
        """Listen."""

    async def bound(self, event: Registered, uow: AsyncLibrary) -> None:
        """Listen."""

    async def __call__(self, event: Registered, uow: AsyncLibrary) -> None:
        """Listen."""


def wiring(bus: AsyncMessageBus[Any], consumer: messagebus.Consumer) -> None:
    """What works at run time is accepted."""
    bus.add_listener(Registered | Forget, listen)
    bus.add_listener(Registered, Listeners().bound)
    bus.add_listener(Registered, Listeners.static)
    bus.add_listener(Registered, Listeners.of_class)
    bus.add_listener(Registered, Listeners())
    bus.add_listener(Registered, functools.partial(listen, clock=Clock()))
    bus.add_listener(Registered, async_listen(Listeners()))
    bus.add_listener(Register, plain)
    bus.add_listener(Count, under_a_decorator)
    bus.add_listener(Registered, Listeners)  # type: ignore[arg-type]
    bus.remove_listener(Registered | Forget, listen)
    bus.include(consumer)
    bus.add_listener(int, plain)  # type: ignore[arg-type]
    bus.include(Clock())  # type: ignore[arg-type]


@async_listen  # type: ignore[arg-type]
async def no_unit_of_work(event: Registered) -> None:
    """Take no unit of work."""


async def handling(bus: AsyncMessageBus[Any], library: AsyncLibrary) -> None:
    """The result of handle has the type that the command declares."""
    async with library as transaction:
        assert_type(
            transaction, AsyncUnitOfWorkTransaction[AsyncBooks | AsyncAuthors, AsyncLibrary]
        )
        assert_type(transaction.uow.books, AsyncBooks)
        assert_type(transaction.uow.authors, AsyncAuthors)
        assert transaction.uow.boks  # type: ignore[attr-defined]
        assert_type(await bus.handle(Register(id="1"), transaction), Book)
        assert_type(await bus.handle(Count(), transaction), int | None)
        assert_type(await bus.handle(Forget(), transaction), Any)
        assert_type(await bus.handle(Registered(), transaction, clock=Clock()), Any)
        await bus.handle("text", transaction)  # type: ignore[call-overload]
        await bus.handle(Forget(), library)  # type: ignore[call-overload]
        await transaction.commit()


async def executing(bus: AsyncMessageBus[Any], library: AsyncLibrary) -> None:
    """So has the result of execute."""
    assert_type(await bus.execute(Register(id="1"), library), Book)
    assert_type(await bus.execute(Count(), AsyncBookshelf, retry=Retry(2), timeout=1), int | None)
    assert_type(await bus.execute(Registered(), lambda: library, clock=Clock()), Any)
    await bus.execute("text", library)  # type: ignore[call-overload]
    await bus.execute(Forget(), None)  # type: ignore[call-overload]
    await bus.execute(Forget(), library, retry=2)  # type: ignore[call-overload]
    async with library as transaction:
        await bus.execute(Forget(), transaction)  # type: ignore[call-overload]


async def around_listener(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
    """Wrap the call of a listener."""
    assert call.run  # type: ignore[attr-defined]
    return await call_next(call)


async def around_handle(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
    """Wrap a call of handle."""
    return await call_next(call.message)  # type: ignore[arg-type]


def wrapping(bus: AsyncMessageBus[Any]) -> None:
    """Middleware must fit what it wraps, and a policy must be one."""
    bus.add_middleware(around_listener)
    bus.add_middleware(around_handle, around="handle")
    bus.add_middleware(around_handle)  # type: ignore[arg-type]
    bus.add_middleware(around_listener, around="handle")  # type: ignore[call-overload]
    bus.add_middleware(around_listener, around="send")  # type: ignore[call-overload]
    bus.add_listener(Registered, listen, on_error="isolate")
    bus.add_listener(Registered, listen, on_error="ignore")  # type: ignore[arg-type]
    AsyncMessageBus[Any](on_error="collect")
    AsyncMessageBus[Any](on_error="ignore")  # type: ignore[arg-type]


async def reaching(shelf: AsyncBookshelf) -> None:
    """Repositories keep their types on the transaction."""
    async with shelf as transaction:
        assert_type(transaction.books, AsyncBooks)
        assert_type(await transaction.books.get("1"), Book)
        assert_type(shelf.collect_new_events(), Iterator[Message[Any]])
        transaction.books.nothing  # type: ignore[attr-defined]  # noqa: B018


async def calling(library: AsyncLibrary) -> None:
    """A decorated listener keeps its type."""
    assert_type(await register(Register(id="1"), library), Book)
    await listen(Registered(), library, Clock())
    await listen(Registered(), library, clock="late")  # type: ignore[arg-type]
    await listen(Registered(), library)  # type: ignore[call-arg]


def registering(bus: AsyncMessageBus[Any]) -> None:
    """A listener must fit the message type that it is added for."""
    bus.add_listener(Register, register)
    bus.add_listener(Registered, listen)
    bus.remove_listener(Registered, listen)
    bus.add_listener(Registered, len)  # type: ignore[arg-type]
