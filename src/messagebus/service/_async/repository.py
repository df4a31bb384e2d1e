"""Abstract repositories: of models, and of the messages that a bus has handled."""

from __future__ import annotations

import abc
from collections import deque
from typing import Any

from ..._compat.aio import adapt_methods, ensure_finished
from ...domain.model import Message
from ...exceptions import PublishError
from ..repository import Repository, TModel_contra
from ..stream_buffer import StreamBuffer, current_stream_buffer
from .eventstream import AsyncEventstreamPublisher


class AsyncAbstractRepository(Repository[TModel_contra], abc.ABC):
    """Abstract base class for the repository pattern.

    Append each model that the repository returns or adds to *seen*: the unit of work collects
    the messages of these models.
    """


class AsyncEventstoreAbstractRepository(abc.ABC):
    """Abstract base class of the store of every message that a bus has handled.

    Args:
        publisher: sends the stored messages to the eventstream after the commit. Without a
            publisher, messages are neither sent nor buffered.
    """

    publisher: AsyncEventstreamPublisher | None = None
    """Sends the stored messages to the eventstream."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    def __init__(self, publisher: AsyncEventstreamPublisher | None = None) -> None:
        self.publisher = publisher
        # Committed or added outside any transaction, and not sent yet.
        self._unsent: deque[Message[Any]] = deque()

    @abc.abstractmethod
    async def _add(self, message: Message[Any]) -> None:
        """Add a message to the storage backend."""

    async def add(self, message: Message[Any]) -> None:
        """Add the message to the storage backend and mark it as seen.

        Seen messages are sent to the eventstream only if the transaction of the unit of work
        is committed. If it is rolled back, they are dropped.
        """
        outcome: object = await self._add(message)  # type: ignore[func-returns-value,unused-ignore]
        if outcome is not None:
            ensure_finished(outcome, self._add)
        if self.publisher is not None:
            buffer = current_stream_buffer(self)
            (self._unsent if buffer is None else buffer.messages).append(message)

    async def publish_eventstream(self) -> None:
        """Send the messages of committed transactions to the eventstream.

        Messages that an earlier failure left behind go first. Those of a running transaction stay
        buffered.

        Raises:
            PublishError: the transport failed. The message that failed and those after it stay
                buffered for another call.
        """
        if self.publisher is None:
            return
        # One popleft at a time, so that two threads that publish at once send no message twice.
        pending: deque[Message[Any]] = deque()
        while self._unsent:
            try:
                pending.append(self._unsent.popleft())
            except IndexError:
                break
        buffer = current_stream_buffer(self)
        if buffer is not None and buffer.committed:
            pending.extend(buffer.messages)
            buffer.messages = []
        try:
            while pending:
                sending: object = await self.publisher.send_message(pending[0])  # type: ignore[func-returns-value,unused-ignore]
                if sending is not None:
                    ensure_finished(sending, self.publisher.send_message)
                pending.popleft()
        except Exception as error:
            raise PublishError(tuple(pending)) from error
        finally:
            self._unsent.extendleft(reversed(pending))


class AsyncTransactionEventstore(AsyncEventstoreAbstractRepository):
    """An eventstore as one transaction sees it: whatever is added belongs to the transaction.

    Args:
        eventstore: the eventstore of the unit of work.
        buffer: the buffer of the transaction.
    """

    def __init__(self, eventstore: AsyncEventstoreAbstractRepository, buffer: StreamBuffer) -> None:
        self.publisher = eventstore.publisher
        self._eventstore = eventstore
        self._buffer = buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._eventstore, name)

    async def _add(self, message: Message[Any]) -> None:
        await self._eventstore._add(message)

    async def add(self, message: Message[Any]) -> None:
        """Add the message to the eventstore and to the buffer of the transaction."""
        with self._buffer.active():
            await self._eventstore.add(message)

    async def publish_eventstream(self) -> None:
        """Send the messages of committed transactions to the eventstream."""
        await publish(self._eventstore, self._buffer)


async def publish(
    eventstore: AsyncEventstoreAbstractRepository, buffer: StreamBuffer | None
) -> None:
    """Publish the committed messages of an eventstore, and those in *buffer* if it is committed."""
    send: Any = eventstore.publish_eventstream
    if buffer is None:
        outcome = await send()
    else:
        with buffer.active():
            outcome = await send()
    if outcome is not None:
        ensure_finished(outcome, send)


class AsyncSinkholeEventstoreRepository(AsyncEventstoreAbstractRepository):
    """An eventstore that stores nothing."""

    async def _add(self, message: Message[Any]) -> None:
        """Do nothing."""


class _AsyncDefaultEventstoreRepository(AsyncSinkholeEventstoreRepository):
    # Each transaction reads the publisher, and a slot is the fastest attribute.
    __slots__ = ("publisher",)


SINKHOLE = _AsyncDefaultEventstoreRepository()
"""The default eventstore of a unit of work."""
