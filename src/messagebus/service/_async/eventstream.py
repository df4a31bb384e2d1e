"""The way of a message to those who listen outside of the process."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ...domain.model import Message
from ...exceptions import BatchSendError
from ..eventstream import AbstractMessageSerializer, MessageSerializer


class AsyncAbstractEventstreamTransport(abc.ABC):
    """Transport a message to the eventstream."""

    @abc.abstractmethod
    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a serialized message to the eventstream.

        Args:
            message: what the serializer of the publisher made of the message.

        Raises:
            TransportUnavailableError: the broker can not be reached; try again later.
            MessageRejectedError: this message can not be sent, however often it is tried.
        """

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send several serialized messages in their order.

        By default they are sent one by one. A transport that has a faster way overrides it.

        Args:
            messages: what the serializer made of the messages.

        Raises:
            BatchSendError: a message failed, and the error says how many before it were
                confirmed. Its cause is what sending the message alone would have raised.
        """
        sent = 0
        try:
            for message in messages:
                await self.send_message_serialized(message)
                sent += 1
        except Exception as error:
            raise BatchSendError(sent) from error

    async def close(self) -> None:  # noqa: B027
        """Give up connections and whatever else is held; to be overridden if anything is.

        Nothing that was sent waits anywhere, so nothing is lost. Closing twice is harmless, and
        what is sent after it opens a new connection.
        """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class AsyncSinkholeEventstreamTransport(AsyncAbstractEventstreamTransport):
    """Drop all messages: nothing is streamed until something else is configured."""

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Do nothing."""


class AsyncEventstreamPublisher:
    """Publish messages to the eventstream.

    Args:
        transport: sends the serialized message.
        serializer: turns the message into what the transport sends.
    """

    def __init__(
        self,
        transport: AsyncAbstractEventstreamTransport,
        serializer: AbstractMessageSerializer = MessageSerializer(),  # noqa: B008
    ) -> None:
        self.transport = transport
        self.serializer = serializer

    async def send_message(self, message: Message[Any]) -> None:
        """Send a message if its metadata says that it is published.

        Messages are private by default: commands, and events that are of no concern to others,
        stay in the process.
        """
        if message.metadata.published:
            await self.transport.send_message_serialized(self.serializer.serialize_message(message))
