"""The transaction: its status, its buffered messages, and the dependencies that it notifies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self
from uuid import UUID

from ..._compat.aio import ensure_finished, ensure_settled
from ...domain.model import Message
from ...exceptions import PublishError, TransactionError
from ..causation import Causation, Received
from ..repository import discard
from ..stream_buffer import StreamBuffer
from ..transaction_status import TransactionStatus
from .dependency import AsyncDependency, notify
from .repository import (
    AsyncEventstoreAbstractRepository,
    AsyncTransactionEventstore,
    publish,
)
from .type_parameters import TRepositories, TUow_co

_RUNNING = TransactionStatus.running
_STREAMING = TransactionStatus.streaming
_COMMITTED = TransactionStatus.committed
_ROLLEDBACK = TransactionStatus.rolledback
_CLOSED = TransactionStatus.closed


class AsyncUnitOfWorkTransaction(Generic[TRepositories, TUow_co]):
    """A business transaction, which must be committed or rolled back explicitly.

    Entering a unit of work returns one. It gives access to the attributes of the unit of work,
    above all to its repositories.
    """

    uow: TUow_co
    """The unit of work of the transaction."""
    status: TransactionStatus
    """Current status of the transaction."""
    message: Message[Any] | None
    """The message that is being handled; None outside of *handle*. The bus sets it."""
    cause: Causation | None = None
    """The chain that led to that message; None for the first message. The bus sets it."""
    received: Received | None = None
    """The message to handle that is stored already. Whoever receives or replays it sets this."""
    deadline: float | None = None
    """When its handling must be done, in seconds of `time.monotonic`; None if there is no limit."""

    trace_context: Callable[[Message[Any]], Mapping[str, str]] | None = None
    """Returns the trace context to store with a message that is published. Middleware sets it."""

    bare: bool
    """Whether it has neither eventstore nor dependency, and is not detached."""

    buffer: StreamBuffer | None = None
    """Keeps the messages to publish after the commit; None if the eventstore publishes nothing."""

    _detached = False
    _dependencies: list[AsyncDependency] | None = None

    def __init__(self, uow: TUow_co) -> None:
        self.uow = uow
        # In the instance: attributes of the class are slow to read where it has a __getattr__.
        self.status = _RUNNING
        self.message = None
        self.bare = True

    def __getattr__(self, name: str) -> TRepositories:
        if name == "uow":  # in an instance that was made without its constructor
            raise AttributeError(name)
        return getattr(self.uow, name)  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: object) -> Any:
        text = "A transaction can be neither copied nor pickled"
        raise TypeError(text)

    @property
    def eventstore(self) -> AsyncEventstoreAbstractRepository:
        """The store of the messages that are handled in this transaction.

        A message that is added through it belongs to the transaction, whatever task or thread
        adds it.
        """
        store: AsyncEventstoreAbstractRepository = self.uow.eventstore
        return store if self.buffer is None else AsyncTransactionEventstore(store, self.buffer)

    @property
    def causation_id(self) -> UUID | None:
        """Identifier of the message that raised the one being handled.

        None while the first message is handled, and outside of *handle*.
        """
        return None if self.cause is None else self.cause.message.message_id

    @property
    def correlation_id(self) -> UUID | None:
        """Identifier of the first message of the cascade; None outside of *handle*.

        The cascade of a received message began where that was raised.
        """
        first = self.message if self.cause is None else self.cause.first
        if first is None:
            return None
        if self.received is not None and self.received.message is first:
            return self.received.correlation_id or first.message_id
        return first.message_id

    def add_dependency(self, dependency: AsyncDependency) -> None:
        """Notify *dependency* once when the transaction ends.

        Dependencies are notified in the order they were added.
        """
        if self._dependencies is None:
            self._dependencies = []
            self.bare = False
        if not any(each is dependency for each in self._dependencies):
            self._dependencies.append(dependency)

    def use_eventstore(self, eventstore: AsyncEventstoreAbstractRepository) -> None:
        """Buffer the messages that *eventstore* is given until the transaction is committed.

        The unit of work calls it when the transaction begins, and when another eventstore is
        assigned to it.
        """
        self.bare = False
        if eventstore.publisher is None:
            return
        if self.buffer is None:
            self.buffer = StreamBuffer(eventstore)
            self.buffer.open()
        else:
            self.buffer.eventstore = eventstore

    def ensure_open(self) -> None:
        """Refuse a transaction that has ended.

        Raises:
            TransactionError: it is committed, rolled back or closed.
        """
        status = self.status
        if status is not _RUNNING and status is not _STREAMING:
            text = f"Transaction already closed ({status.value})."
            raise TransactionError(text)

    async def commit(self) -> None:
        """Commit the transaction.

        The handled messages are published when the transaction is left.

        Raises:
            TransactionError: the transaction is not running.
            ExceptionGroup: the commit stands, but a hook of a dependency failed.
        """
        if self.status is not _RUNNING:
            self.ensure_open()
        outcome: object = await self.uow.commit()  # type: ignore[func-returns-value,unused-ignore]
        if outcome is not None:
            ensure_settled(outcome, self.uow.commit)
        self.status = _COMMITTED
        if self.bare:
            return
        if self.buffer is not None:
            self.buffer.committed = True
        if self._dependencies is not None:
            await notify(self._dependencies, "on_after_commit")

    async def rollback(self) -> None:
        """Roll the transaction back; the natural end of a transaction that only reads.

        Every message that was handled or raised in it is dropped. A second rollback has no
        effect.

        Raises:
            TransactionError: the transaction is committed or closed.
            ExceptionGroup: the rollback stands, but a hook of a dependency failed.
        """
        if self.status is _ROLLEDBACK:
            return
        self.ensure_open()
        try:
            outcome: object = await self.uow.rollback()  # type: ignore[func-returns-value,unused-ignore]
            if outcome is not None:
                ensure_settled(outcome, self.uow.rollback)
        finally:
            self.status = _ROLLEDBACK
            if self.buffer is not None:
                self.buffer.messages = []
            discard(self.uow.collect_new_events())
        if self._dependencies is not None:
            await notify(self._dependencies, "on_after_rollback")

    async def detach(self) -> None:
        """Keep the transaction open after its *with* block, for a streamed response.

        Call *close* to end a detached transaction.

        Raises:
            TransactionError: the transaction is not running.
        """
        self.ensure_open()
        self.status = _STREAMING
        self._detached = True
        self.bare = False

    async def close(self) -> None:
        """End a detached transaction. Roll it back unless it was committed.

        Raises:
            TransactionError: the transaction is already closed; or it was never detached, and is
                neither committed nor rolled back.
            PublishError: the transaction is committed, and the transport failed.
        """
        if self.status is _STREAMING:
            try:
                await self.rollback()
            finally:
                await self._end()
        else:
            await self._finish()

    async def __aenter__(self) -> Self:
        if self.status is not _RUNNING or self.uow.runs_transaction(self):
            error = TransactionError("Invalid transaction status.")
            error.add_note(f"It is {self.status.value}: a transaction is entered once.")
            raise error
        await self.uow.__aenter__(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if exc is not None:
            await self._abort(exc)
        elif not self._detached:
            await self._finish()

    async def _finish(self) -> None:
        """End the transaction; roll back one that was neither committed nor rolled back."""
        status = self.status
        if status is _COMMITTED:
            try:
                await publish(self.uow.eventstore, self.buffer)
            finally:
                await self._end()
        elif status is _ROLLEDBACK:
            await self._end()
        elif status is _CLOSED:
            text = "Transaction is closed."
            raise TransactionError(text)
        else:
            try:
                await self.rollback()
            finally:
                await self._end()
            text = "Transaction must be explicitly close. Missing commit/rollback call."
            error = TransactionError(text)
            error.add_note("It has been rolled back.")
            raise error

    async def _abort(self, exc: BaseException) -> None:
        """End the transaction because of an exception, which never undoes a commit."""
        status = self.status
        if status is _CLOSED:
            return
        try:
            if status is _COMMITTED:
                await publish(self.uow.eventstore, self.buffer)
            else:
                await self.rollback()
        except Exception as error:
            # An interruption must reach its caller unchanged.
            if not isinstance(exc, Exception):
                exc.add_note(f"Besides: {type(error).__name__}: {error}")
                return
            if not isinstance(error, PublishError):
                raise
            # Neither error may hide the other.
            text = "the transaction was committed, then an error left it and publishing failed"
            raise ExceptionGroup(text, [exc, error]) from None
        finally:
            await self._end(_ROLLEDBACK if self.status is _ROLLEDBACK else _CLOSED)

    async def _end(self, status: TransactionStatus = _CLOSED) -> None:
        try:
            if self.uow.runs_transaction(self):
                ending: object = await self.uow.end_transaction()  # type: ignore[func-returns-value,unused-ignore]
                if ending is not None:
                    ensure_finished(ending, self.uow.end_transaction)
        finally:
            self.status = status
            if self.buffer is not None:
                self.buffer.close()
