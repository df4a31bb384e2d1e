"""Listeners that fail alone: each call in a savepoint of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._compat.aio import ensure_finished
from ..._compat.logs import get_logger
from ..._error_text import errors_in
from ...domain.model import Message
from ...exceptions import ConfigurationError
from ..deadline import ensure_in_time
from ..diagnostics import annotate
from ..repository import discard
from ..transaction_status import TransactionStatus
from .listener import AsyncListener
from .middleware import AsyncHandleCall
from .unit_of_work import AsyncAbstractUnitOfWork

_NO_SAVEPOINT = AsyncAbstractUnitOfWork.savepoint


class AsyncIsolatedListener(AsyncListener):
    """A listener of events whose failures are undone alone.

    Args:
        listener: the listener.
        name: its name in dead letters.
    """

    __slots__ = ("_listener", "_name")

    def __init__(self, listener: AsyncListener, name: str) -> None:
        self.take_after(listener)
        self._listener = listener
        self._name = name
        self.callback = self._call_plainly

    async def call(self, message: Message[Any], transaction: Any, dependencies: Any) -> None:
        """Call the listener in a savepoint; roll that back and keep the error if it fails.

        Raises:
            Exception: the listener has ended the transaction, or another transaction was in the
                way: the whole transaction has to begin again.
            DeadlineExceededError: it has failed after the deadline.
        """
        work: AsyncAbstractUnitOfWork[Any] = transaction.uow
        # An outer handler may have raised them, which has not failed.
        before = [*work.collect_new_events()]
        to_publish = [] if transaction.buffer is None else transaction.buffer.messages
        published = len(to_publish)
        try:
            # By way of the transaction, which may take note of it.
            async with transaction.savepoint():
                await self._listen(message, transaction, dependencies)
        except Exception as error:
            if transaction.status is not TransactionStatus.running:
                raise
            if any(map(work.is_transient, errors_in(error))):
                raise
            ensure_in_time(transaction.deadline, message)  # nothing is kept of what comes too late
            discard(work.collect_new_events())
            del to_publish[published:]
            annotate(error, self.function, message, transaction.cause)
            name = self._name
            kept = await transaction.keep_failure(message, name, error)
            get_logger().error(
                "%s failed on %s %s and was undone alone%s",
                name,
                type(message).__qualname__,
                message.message_id,
                "; the message is a dead letter now" if kept else "",
                exc_info=error,
                extra={
                    "event": "listener.isolated",
                    "listener": name,
                    "message_type": type(message).__qualname__,
                    "message_id": str(message.message_id),
                    "kept": kept,
                },
            )
        finally:
            if before:
                work._give_back(before)

    async def _call_plainly(self, message: Message[Any], transaction: Any) -> None:
        await self.call(message, transaction, None)

    async def _listen(self, message: Message[Any], transaction: Any, dependencies: Any) -> None:
        if dependencies is None:
            outcome = await self._listener.callback(message, transaction)
        else:
            outcome = await self._listener.call(message, transaction, dependencies)
        if outcome is not None:
            ensure_finished(outcome, self.function)


async def refuse_without_savepoints(
    call: AsyncHandleCall, call_next: Callable[[AsyncHandleCall], Any]
) -> Any:
    """Pass on a call of *handle* whose unit of work has savepoints.

    Raises:
        ConfigurationError: it has none.
    """
    kind = type(call.transaction.uow)
    if kind.savepoint is _NO_SAVEPOINT:
        text = f"{kind.__qualname__} has no savepoints, which isolated listeners need"
        advice = "Override its method savepoint, or give the listeners another on_error."
        raise ConfigurationError(text, advice=advice)
    return await call_next(call)
