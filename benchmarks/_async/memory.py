"""Many commands, one transaction each, all with the same ending."""

from __future__ import annotations

from typing import Any

from messagebus import AsyncMessageBus

from ..contender import Work
from ..messages import Book, Register, Registered
from .library import AsyncLibrary


class RefusalError(Exception):
    """Raised by the handler on request."""


def library(publishing: bool) -> AsyncLibrary:
    """Return a unit of work with the default eventstore or with a publishing one."""
    uow = AsyncLibrary()
    if publishing:
        from messagebus import (
            AsyncEventstreamPublisher,
            AsyncSinkholeEventstoreRepository,
            AsyncSinkholeEventstreamTransport,
        )

        publisher = AsyncEventstreamPublisher(AsyncSinkholeEventstreamTransport())
        uow.eventstore = AsyncSinkholeEventstoreRepository(publisher)
    return uow


async def register(command: Register, uow: Any) -> None:
    """Raise an event from a model, then fail if the title says so."""
    book = Book(id=command.id)
    book.messages.append(Registered(id=command.id, title=command.title))
    uow.books.seen.append(book)
    if command.title == "raise":
        raise RefusalError


def handling(ending: str, uow: AsyncLibrary) -> Work:
    """Return a function that builds and handles a number of commands.

    Args:
        ending: "commit", "rollback", or "raise".
        uow: the unit of work.
    """
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Register, register)

    async def handle(count: int) -> None:
        for _ in range(count):
            try:
                async with uow as transaction:
                    await bus.handle(Register(id="1", title=ending), transaction)
                    if ending == "commit":
                        await transaction.commit()
                    else:
                        await transaction.rollback()
            except RefusalError:
                continue

    return handle
