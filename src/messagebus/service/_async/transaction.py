"""The transaction that a unit of work hands out."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic
from uuid import UUID

from typing_extensions import TypeVar

from ...domain.model import Message
from ...exceptions import PublishError, TransactionError
from ..causation import Cause
from ..stream_buffer import StreamBuffer
from ..transaction_status import TransactionStatus
from .dependency import AsyncDependency
from .repository import AsyncAbstractRepository, AsyncEventstoreAbstractRepository

if TYPE_CHECKING:
    from .unit_of_work import AsyncAbstractUnitOfWork

TRepositories = TypeVar("TRepositories", bound=AsyncAbstractRepository[Any], default=Any)
"""The repositories of a unit of work: one type, or a union of them."""

_RUNNING = TransactionStatus.running
_STREAMING = TransactionStatus.streaming
_COMMITTED = TransactionStatus.committed
_ROLLEDBACK = TransactionStatus.rolledback
_CLOSED = TransactionStatus.closed


class AsyncUnitOfWorkTransaction(Generic[TRepositories]):
    """A business transaction, which has to be committed or rolled back explicitly.

    It is what entering a unit of work gives. The attributes of the unit of work, its
    repositories above all, are reached through it.

    Args:
        uow: the unit of work that the transaction is of.
    """

    uow: AsyncAbstractUnitOfWork[TRepositories]
    """The unit of work that the transaction is of."""
    status: TransactionStatus
    """Where the transaction stands."""
    message: Message[Any] | None
    """The message that is being handled; None outside of *handle*."""

    _cause: Cause | None = None
    _detached = False
    _stream: StreamBuffer | None = None
    _dependencies: list[AsyncDependency] | None = None

    def __init__(self, uow: AsyncAbstractUnitOfWork[TRepositories]) -> None:
        self.uow = uow
        self.status = _RUNNING
        self.message = None
        # It has no eventstore, no dependency, and is not detached: the most frequent case.
        self._simple = True

    def __getattr__(self, name: str) -> TRepositories:
        return getattr(self.uow, name)  # type: ignore[no-any-return]

    @property
    def eventstore(self) -> AsyncEventstoreAbstractRepository:
        """The store of what is handled in this transaction."""
        return self.uow.eventstore

    @property
    def causation_id(self) -> UUID | None:
        """Identifier of the message whose handling raised the one that is being handled.

        None while the first message is handled, and outside of *handle*.
        """
        return None if self._cause is None else self._cause[0].message_id

    @property
    def correlation_id(self) -> UUID | None:
        """Identifier of the first message of the cascade; None outside of *handle*."""
        first = self.message if self._cause is None else self._cause[3]
        return None if first is None else first.message_id

    def add_dependency(self, dependency: AsyncDependency) -> None:
        """Let *dependency* hear the end of the transaction, once, after those added before it."""
        if self._dependencies is None:
            self._dependencies = []
            self._simple = False
        if not any(each is dependency for each in self._dependencies):
            self._dependencies.append(dependency)

    async def commit(self) -> None:
        """Commit the transaction.

        What was handled is published when the transaction is left.

        Raises:
            TransactionError: the transaction is not running.
            ExceptionGroup: the commit stands, but dependencies failed on hearing of it.
        """
        if self.status is not _RUNNING:
            self._ensure_open()
        await self.uow.commit()
        self.status = _COMMITTED
        if self._simple:
            return
        if self._stream is not None:
            self._stream.committed = True
        if self._dependencies is not None:
            await self._tell("on_after_commit")

    async def rollback(self) -> None:
        """Roll the transaction back; the natural end of one that has only read.

        Every message that was handled or raised in it is dropped. Rolling back twice does
        nothing more.

        Raises:
            TransactionError: the transaction is committed or closed.
            ExceptionGroup: it is rolled back, but dependencies failed on hearing of it.
        """
        if self.status is _ROLLEDBACK:
            return
        self._ensure_open()
        try:
            await self.uow.rollback()
        finally:
            self.status = _ROLLEDBACK
            if self._stream is not None:
                self._stream.messages = []
            self.uow._discard_messages()
        if self._dependencies is not None:
            await self._tell("on_after_rollback")

    async def detach(self) -> None:
        """Let the transaction outlive its *with* block, for a response that is streamed.

        Whoever detaches a transaction has to call *close* in the end.

        Raises:
            TransactionError: the transaction is not running.
        """
        self._ensure_open()
        self.status = _STREAMING
        self._detached = True
        self._simple = False

    async def close(self) -> None:
        """End a detached transaction: roll it back, unless it was committed.

        Raises:
            TransactionError: the transaction is closed already, or was never detached and
                is neither committed nor rolled back.
            PublishError: the transaction is committed, and the transport failed.
        """
        if self.status is _STREAMING:
            try:
                await self.rollback()
            finally:
                await self._end()
        else:
            await self._finish()

    async def __aenter__(self) -> AsyncUnitOfWorkTransaction[TRepositories]:
        if self.status is not _RUNNING or self.uow._is_running(self):
            error = TransactionError("Invalid transaction status.")
            error.add_note(f"It is {self.status.value}: a transaction is entered once.")
            raise error
        self.uow._claim(self)
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

    def _use_eventstore(self) -> None:
        """Buffer what the eventstore is given from now on, until the transaction is committed."""
        self._simple = False
        if self.uow.eventstore.publisher is None:
            return
        if self._stream is None:
            self._stream = StreamBuffer(self.uow.eventstore)
            self._stream.open()
        else:
            self._stream.eventstore = self.uow.eventstore

    def _ensure_open(self) -> None:
        status = self.status
        if status is not _RUNNING and status is not _STREAMING:
            text = f"Transaction already closed ({status.value})."
            raise TransactionError(text)

    async def _finish(self) -> None:
        """Leave a transaction that was decided; one that was not is rolled back first."""
        status = self.status
        if status is _COMMITTED:
            try:
                await self._publish()
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
        """Leave the transaction by an exception, which never undoes a commit."""
        status = self.status
        if status is _CLOSED:
            return
        try:
            if status is _COMMITTED:
                await self._publish()
            else:
                await self.rollback()
        except Exception as error:
            # An interruption has to stay what it is for who awaits it.
            if not isinstance(exc, Exception):
                exc.add_note(f"Besides: {type(error).__name__}: {error}")
                return
            if not isinstance(error, PublishError):
                raise
            # Neither hides the other.
            text = "the transaction is committed, left by an error, and could not be published"
            raise ExceptionGroup(text, [exc, error]) from None
        finally:
            await self._end()

    async def _publish(self) -> None:
        if self._stream is None:
            await self.uow.eventstore.publish_eventstream()
        else:
            with self._stream.active():
                await self.uow.eventstore.publish_eventstream()

    async def _end(self) -> None:
        try:
            await self.uow._release()
        finally:
            self.status = _CLOSED
            if self._stream is not None:
                self._stream.close()
            self.uow._forget_transaction()

    async def _tell(self, hook: str) -> None:
        """Call a hook of every dependency, then raise what has failed."""
        failures: list[Exception] = []
        interruption: BaseException | None = None
        for dependency in self._dependencies or ():
            try:
                await getattr(dependency, hook)()
            except Exception as failure:  # noqa: BLE001
                failures.append(failure)
            except BaseException as failure:  # noqa: BLE001
                interruption = failure
        if failures:
            group = ExceptionGroup(f"{hook} failed; the {hook[9:]} stands", failures)
            if interruption is None:
                raise group
            interruption.add_note(f"Besides: {group!r}")
        if interruption is not None:
            raise interruption
