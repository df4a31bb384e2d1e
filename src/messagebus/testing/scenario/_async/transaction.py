"""The transaction of a scenario, which notes what is handled in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from ....domain.model import Message
from ....service._async.guarded_transaction import AsyncGuardedTransaction
from ....service._async.unit_of_work import AsyncAbstractUnitOfWork


class AsyncWatchedTransaction(AsyncGuardedTransaction[Any, AsyncAbstractUnitOfWork[Any]]):
    """A transaction of any unit of work that notes the messages which a bus handles in it.

    Args:
        uow: the unit of work.
    """

    def __init__(self, uow: AsyncAbstractUnitOfWork[Any]) -> None:
        self._handled: dict[UUID, Message[Any]] = {}
        self._message: Message[Any] | None = None
        super().__init__(uow)

    @property
    def handled(self) -> list[Message[Any]]:
        """The messages in handling order, as they were when they had been handled."""
        return list(self._handled.values())

    @property
    def message(self) -> Message[Any] | None:
        """The message that is being handled. The bus sets it for each one."""
        return self._message

    @message.setter
    def message(self, message: Message[Any] | None) -> None:
        done = self._message
        if done is not None and done.message_id in self._handled:
            self._handled[done.message_id] = done.model_copy(deep=True)
        if message is not None:
            self._handled.setdefault(message.message_id, message)
        self._message = message

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[object]:
        """Begin a savepoint of the unit of work, and forget what is handled in it with it."""
        before = set(self._handled)
        try:
            async with self.uow.savepoint() as savepoint:
                yield savepoint
        except BaseException:
            self._handled = {id: each for id, each in self._handled.items() if id in before}
            raise
