"""Where models are kept, and where the bus keeps what has happened."""

from __future__ import annotations

import abc
from collections import deque
from typing import Any

from ...domain.model import Message
from ...exceptions import PublishError
from ..repository import Repository, TModel_contra
from ..stream_buffer import current_stream_buffer
from .eventstream import AsyncEventstreamPublisher


class AsyncAbstractRepository(Repository[TModel_contra], abc.ABC):
    """Abstract base class for the repository pattern.

    A repository puts each model that it hands out or takes in into *seen*: the unit of work
    looks there for the messages that models have raised.
    """


class AsyncEventstoreAbstractRepository(abc.ABC):
    """Abstract base class of the store of every message that a bus has handled.

    Args:
        publisher: sends the stored messages to the eventstream after the commit. Without it
            nothing is sent, and nothing is buffered for it.
    """

    publisher: AsyncEventstreamPublisher | None = None
    """Sends the stored messages to the eventstream."""

    def __init__(self, publisher: AsyncEventstreamPublisher | None = None) -> None:
        self.publisher = publisher
        # Committed, or added outside of any transaction, and not sent yet.
        self._unsent: deque[Message[Any]] = deque()

    @abc.abstractmethod
    async def _add(self, message: Message[Any]) -> None:
        """Add a message to the storage backend."""

    async def add(self, message: Message[Any]) -> None:
        """Add the message to the storage backend and mark it as seen.

        Seen messages are sent to the eventstream only if the transaction of the unit of work
        is committed. If it is rolled back, they are dropped.
        """
        await self._add(message)
        if self.publisher is not None:
            buffer = current_stream_buffer(self)
            (self._unsent if buffer is None else buffer.messages).append(message)

    async def publish_eventstream(self) -> None:
        """Send the messages of committed transactions to the eventstream.

        What an earlier failure left behind goes first. Messages of a transaction that is still
        running stay where they are.

        Raises:
            PublishError: the transport failed. The message that failed and those behind it
                stay buffered, for another call.
        """
        if self.publisher is None:
            return
        # One popleft at a time: two threads may publish at once, and no message goes twice.
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
                await self.publisher.send_message(pending[0])
                pending.popleft()
        except Exception as error:
            raise PublishError(tuple(pending)) from error
        finally:
            self._unsent.extendleft(reversed(pending))


class AsyncSinkholeEventstoreRepository(AsyncEventstoreAbstractRepository):
    """An eventstore that keeps nothing."""

    async def _add(self, message: Message[Any]) -> None:
        """Do nothing."""


class _AsyncDefaultEventstoreRepository(AsyncSinkholeEventstoreRepository):
    # Each transaction looks whether it has a publisher: what is in a slot is found at once.
    __slots__ = ("publisher",)


SINKHOLE = _AsyncDefaultEventstoreRepository()
"""The eventstore of a unit of work that has none of its own."""
