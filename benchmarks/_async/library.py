"""A unit of work without a store, so that only the overhead of the bus is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from messagebus import AsyncAbstractRepository, AsyncAbstractUnitOfWork

from ..messages import Book

if TYPE_CHECKING:
    AsyncBookRepository = AsyncAbstractRepository[Book]
    AsyncUnitOfWork = AsyncAbstractUnitOfWork[Any]
else:  # the older version takes a different number of type parameters
    AsyncBookRepository = AsyncAbstractRepository
    AsyncUnitOfWork = AsyncAbstractUnitOfWork


class AsyncBooks(AsyncBookRepository):
    """A repository."""


class AsyncLibrary(AsyncUnitOfWork):
    """A unit of work with a repository."""

    def __init__(self) -> None:
        self.books = AsyncBooks()

    async def commit(self) -> None:
        """Do nothing."""

    async def rollback(self) -> None:
        """Do nothing."""


class AsyncCrowdedLibrary(AsyncLibrary):
    """A unit of work with 20 repositories and 20 other attributes."""

    def __init__(self) -> None:
        super().__init__()
        for index in range(19):
            setattr(self, f"repository_{index}", AsyncBooks())
        for index in range(20):
            setattr(self, f"setting_{index}", f"value {index}")


async def handle(message: Any, uow: Any) -> None:
    """Do nothing with the message."""
