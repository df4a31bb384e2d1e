"""Classes that SQLAlchemy maps, as the models of repositories."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    reconstructor,
    relationship,
)

from messagebus import AsyncAbstractRepository, AsyncMessageBus, Message
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork
from tests._async.adapters.sqlalchemy.shelves import stored
from tests.library import BookBorrowed, BorrowBook
from tests.running.aio import AsyncEngine, AsyncSession, create_all


class Base(DeclarativeBase):
    """The base of the mapped classes."""


class Volume(Base):
    """A mapped class with a list of messages and a relationship."""

    __tablename__ = "volume"

    id: Mapped[str] = mapped_column(primary_key=True)
    whole_id: Mapped[str | None] = mapped_column(sa.ForeignKey("volume.id"))
    parts: Mapped[list[Volume]] = relationship(lazy="raise")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.begin()

    @reconstructor
    def begin(self) -> None:
        """Begin without messages, whether it is new or loaded."""
        self.messages: list[Message[Any]] = []


class AsyncVolumes(AsyncAbstractRepository[Any]):
    """A repository of them."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.session = session

    async def get(self, id: str) -> Volume:
        """Load a volume."""
        volume = await self.session.get_one(Volume, id)
        self.seen.append(volume)
        return volume


class AsyncArchive(AsyncSQLAlchemyUnitOfWork[AsyncVolumes]):
    """A unit of work with that repository."""

    def attach(self, session: AsyncSession) -> None:
        """Create the repository."""
        self.volumes = AsyncVolumes(session)


async def borrow(command: BorrowBook, uow: AsyncArchive) -> None:
    """Load a volume, which raises an event."""
    volume = await uow.volumes.get(command.id)
    volume.messages.append(BookBorrowed(id=volume.id))


async def test_a_mapped_class_with_a_list_of_messages_works_as_a_model(
    engine: AsyncEngine,
) -> None:
    """Its messages are handled and stored; none of its relationships is loaded."""
    await create_all(engine, Base.metadata)
    bus = AsyncMessageBus[Any]()
    bus.add_listener(BorrowBook, borrow)
    uow = AsyncArchive(engine)
    async with uow as transaction:
        uow.session.add(Volume(id="1"))
        await transaction.commit()
    async with uow as transaction:
        await bus.handle(BorrowBook(id="1"), transaction)
        await transaction.commit()

    names = [record.name for record in await stored(engine)]
    assert ["borrow_book", "book_borrowed"] == names
