"""The transaction of a scenario, which notes what is handled in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from ....domain.model import Message
from ....inbox.dead_letter import DeadLetter
from ....serialization.serializer import MessageSerializer
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
        self._letters: list[DeadLetter] = []
        super().__init__(uow)

    @property
    def handled(self) -> list[Message[Any]]:
        """The messages in handling order, as they were when they had been handled."""
        return list(self._handled.values())

    @property
    def letters(self) -> list[DeadLetter]:
        """The messages that isolated listeners could not handle."""
        return self._letters

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
        before, letters = set(self._handled), list(self._letters)
        try:
            async with self.uow.savepoint() as savepoint:
                yield savepoint
        except BaseException:
            self._handled = {id: each for id, each in self._handled.items() if id in before}
            self._letters = letters
            raise

    async def keep_failure(self, message: Message[Any], listener: str, error: Exception) -> bool:
        """Let the unit of work keep what a listener could not handle, and note it."""
        kept: object = await self.uow.keep_failure(message, listener, error)
        wire = MessageSerializer().serialize_message(message)
        self._letters.append(DeadLetter.of_listener(listener, message, wire, error))
        return bool(kept)
