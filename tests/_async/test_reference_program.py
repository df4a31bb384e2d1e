"""A program on the names, module paths and keywords of the API reference, and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from messagebus import (
    AsyncMessageBus,
    AsyncSinkholeEventstreamTransport,
    Command,
    Event,
    Field,
    GenericCommand,
    Metadata,
    Model,
    async_listen,
)
from messagebus.domain.model import Message
from messagebus.service._async.eventstream import (
    AsyncAbstractEventstreamTransport,
    AsyncEventstreamPublisher,
)
from messagebus.service._async.registry import ConfigurationError
from messagebus.service._async.repository import (
    AsyncAbstractRepository,
    AsyncEventstoreAbstractRepository,
)
from messagebus.service._async.unit_of_work import (
    AsyncAbstractUnitOfWork,
    AsyncUnitOfWorkTransaction,
    TransactionError,
    TransactionStatus,
)
from messagebus.service.eventstream import AbstractMessageSerializer, MessageSerializer


class OwnMetadata(Metadata):
    owner: str = Field(default="library")


class BookRegistered(Event):
    isbn: str
    metadata: Metadata = Metadata(name="book_registered", schema_version=1, published=True)


class RegisterBook(Command):
    isbn: str
    metadata: Metadata = Metadata(name="register_book", schema_version=1)


class ForgetBook(GenericCommand[OwnMetadata]):
    isbn: str
    metadata: OwnMetadata = OwnMetadata(name="forget_book", schema_version=1)


class Book(Model):
    isbn: str = Field(...)


class AbstractBooks(AsyncAbstractRepository[Book]):
    async def add(self, model: Book) -> None:
        raise NotImplementedError


class Books(AbstractBooks):
    def __init__(self) -> None:
        super().__init__()
        self.isbns: list[str] = []

    async def add(self, model: Book) -> None:
        self.isbns.append(model.isbn)
        self.seen.append(model)


class Eventstore(AsyncEventstoreAbstractRepository):
    def __init__(self, publisher: AsyncEventstreamPublisher | None = None) -> None:
        super().__init__(publisher=publisher)
        self.stored: list[Message[Any]] = []

    async def _add(self, message: Message[Any]) -> None:
        self.stored.append(message)


class Transport(AsyncAbstractEventstreamTransport):
    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)


class OwnSerializer(AbstractMessageSerializer):
    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        return {"own": MessageSerializer().serialize_message(message)["payload"]}


class UnitOfWork(AsyncAbstractUnitOfWork[AbstractBooks]):
    def __init__(self, transport: AsyncAbstractEventstreamTransport) -> None:
        self.books: AbstractBooks = Books()
        publisher = AsyncEventstreamPublisher(transport=transport, serializer=OwnSerializer())
        self.eventstore: AsyncEventstoreAbstractRepository = Eventstore(publisher)

    async def commit(self) -> None:
        """Nothing to commit."""

    async def rollback(self) -> None:
        """Nothing to roll back."""


@async_listen
async def register_book(
    command: RegisterBook, uow: AsyncUnitOfWorkTransaction[AbstractBooks]
) -> Book:
    book = Book(isbn=command.isbn)
    book.messages.append(BookRegistered(isbn=command.isbn))
    await uow.books.add(book)
    return book


async def forget_book(command: ForgetBook, uow: AsyncUnitOfWorkTransaction[AbstractBooks]) -> str:
    return f"{command.isbn} of the {command.metadata.owner}"


async def test_a_program_of_the_reference_runs() -> None:
    """Everything is given as the reference shows it, by position or by keyword."""
    bus: AsyncMessageBus[AbstractBooks] = AsyncMessageBus()
    bus.scan(__name__)
    bus.add_listener(msg_type=ForgetBook, callback=forget_book)
    transport = Transport()
    uow = UnitOfWork(transport)

    async with uow as transaction:
        assert "running" == transaction.status.value
        book = await bus.handle(message=RegisterBook(isbn="1"), uow=transaction)
        assert "1 of the library" == await bus.handle(ForgetBook(isbn="1"), transaction)
        assert transaction.eventstore.publisher is uow.eventstore.publisher
        assert transaction.uow is uow
        await transaction.commit()
        assert [] == transport.sent

    assert TransactionStatus.closed is transaction.status
    assert Book(isbn="1") == book
    assert isinstance(uow.eventstore, Eventstore)
    assert ["register_book", "forget_book"] == [
        each.metadata.name for each in uow.eventstore.stored if isinstance(each, GenericCommand)
    ]
    assert [{"own": '{"isbn":"1"}'}] == transport.sent


async def test_errors_are_found_where_the_reference_has_them() -> None:
    """They are caught as its modules name them."""
    bus: AsyncMessageBus[AbstractBooks] = AsyncMessageBus()
    bus.add_listener(ForgetBook, forget_book)
    with pytest.raises(ConfigurationError, match="command has been registered twice"):
        bus.add_listener(ForgetBook, forget_book)
    bus.remove_listener(msg_type=ForgetBook, callback=forget_book)
    transport = AsyncSinkholeEventstreamTransport()
    with pytest.raises(TransactionError, match="Transaction must be explicitly close"):
        async with UnitOfWork(transport):
            """The transaction is neither committed nor rolled back."""
