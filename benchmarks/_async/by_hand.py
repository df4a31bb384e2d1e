"""A unit of work and its transaction, written without a library."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self


class AsyncTransactionByHand:
    """A transaction that is rolled back unless it was committed."""

    __slots__ = ("committed", "uow")

    def __init__(self, uow: AsyncWorkByHand) -> None:
        self.uow = uow
        self.committed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if not self.committed:
            await self.uow.rollback()

    async def commit(self) -> None:
        """Commit the transaction."""
        await self.uow.commit()
        self.committed = True


class AsyncWorkByHand:
    """A unit of work without a store, so that only its own overhead is measured."""

    def __init__(self) -> None:
        self.raised: list[Any] = []

    def begin(self) -> AsyncTransactionByHand:
        """Begin a transaction."""
        return AsyncTransactionByHand(self)

    async def commit(self) -> None:
        """Do nothing."""

    async def rollback(self) -> None:
        """Do nothing."""
