"""The unit of work in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from ...._compat.aio import finish
from ....domain.model import Message
from ....exceptions import ConflictError, TransactionError
from ....inbox.dead_letter import DeadLetter
from ....serialization.serializer import (
    AbstractMessageSerializer,
    MessageSerializer,
    serialize_payload,
)
from ....service._async.unit_of_work import (
    AsyncAbstractUnitOfWork,
    AsyncUnitOfWorkTransaction,
    TRepositories,
)
from ..session import MemorySession
from ..store import MemoryStore
from .eventstore import AsyncMemoryEventstore
from .inbox import AsyncMemoryInbox


class AsyncMemoryUnitOfWork(AsyncAbstractUnitOfWork[TRepositories]):
    """A unit of work that keeps models and messages in memory, for tests.

    It keeps the contract of the one on SQLAlchemy: what was committed is seen by the next
    transaction, and a rollback undoes everything. Override *attach* to create the repositories of
    a transaction.

    Args:
        store: what is committed; a new store by default.
        serializer: writes the payloads of messages.

    Attributes:
        store: what is committed.
    """

    session: MemorySession
    """The session of the running transaction."""
    eventstore: AsyncMemoryEventstore
    """The messages that the running transaction has handled."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        serializer: AbstractMessageSerializer = MessageSerializer(),  # noqa: B008
    ) -> None:
        self.store: MemoryStore = MemoryStore() if store is None else store
        self.eventstore = AsyncMemoryEventstore(serializer)

    @property
    def inbox(self) -> AsyncMemoryInbox:
        """What consumers have handled, kept with the running transaction."""
        return AsyncMemoryInbox(self.session)

    def attach(self, session: MemorySession) -> None:
        """Set the repositories of a transaction as attributes; override it.

        Args:
            session: the session of the new transaction.
        """

    async def commit(self) -> None:
        """Keep the models and the handled messages.

        Raises:
            DuplicateMessageError: a message is already stored.
            ConflictError: another transaction has committed a change of the same models.
            TransactionError: the commit has failed before.
        """
        if self.eventstore.transaction is None:
            text = "The commit has failed; the transaction can only be rolled back"
            raise TransactionError(text)
        self.eventstore.end()
        self.session.commit()

    async def rollback(self) -> None:
        """Drop what the transaction has changed and handled."""
        self.eventstore.end()
        self.session.close()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Begin a savepoint, which also takes back the messages of its block."""
        with self.session.savepoint(self._attributes):
            yield

    def is_transient(self, error: BaseException) -> bool:
        """Tell whether another transaction was in the way."""
        return isinstance(error, ConflictError)

    async def keep_failure(self, message: Message[Any], listener: str, error: Exception) -> bool:
        """Keep a message that a listener could not handle as a dead letter, with the commit."""
        payload = serialize_payload(self.eventstore.serializer, message)
        wire: Any = self.eventstore.wire(message, payload)
        await self.inbox.bury(DeadLetter.of_listener(listener, message, wire, error))
        return True

    async def end_transaction(self) -> None:
        """Close the session of the transaction."""
        self.session.close()
        await super().end_transaction()

    async def __aenter__(
        self, transaction: AsyncUnitOfWorkTransaction[TRepositories, Self] | None = None
    ) -> AsyncUnitOfWorkTransaction[TRepositories, Self]:
        """Begin a transaction with a session of its own.

        Args:
            transaction: the transaction to begin; a new one by default.

        Raises:
            TransactionError: another transaction of this unit of work is running.
        """
        begun = await super().__aenter__(transaction)
        self.session = MemorySession(self.store)
        self.eventstore.begin(begun, self.session)
        try:
            await finish(self.attach(self.session), self.attach)  # type: ignore[func-returns-value,unused-ignore]
        except BaseException:
            self.eventstore.end()
            await self.end_transaction()
            raise
        return begun
