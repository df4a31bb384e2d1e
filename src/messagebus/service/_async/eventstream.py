"""Publishing messages to listeners outside the process."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..._compat.aio import adapt, adapt_methods, ensure_finished, finish
from ...domain.model import Message
from ...exceptions import BatchSendError
from ..eventstream import AbstractMessageSerializer, MessageSerializer


class AsyncAbstractEventstreamTransport(abc.ABC):
    """Sends serialized messages to the eventstream."""

    system: str = "custom"
    """The kind of broker, such as ``redis``, for telemetry."""

    destination: str | None = None
    """The stream, topic or exchange that messages go to, for telemetry; None if it has no name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    @abc.abstractmethod
    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a serialized message to the eventstream.

        Args:
            message: the mapping that the serializer of the publisher returned.

        Raises:
            TransportUnavailableError: the broker cannot be reached; try again later.
            MessageRejectedError: this message can never be sent.
        """

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send several serialized messages in order.

        The default sends them one by one. Override it where the broker has a faster way.

        Args:
            messages: the mappings that the serializer returned.

        Raises:
            BatchSendError: a message failed. The error says how many messages before it were
                confirmed; its cause is the error that sending the message alone would raise.
        """
        sent = 0
        try:
            for message in messages:
                await finish(self.send_message_serialized(message), self.send_message_serialized)  # type: ignore[func-returns-value,unused-ignore]
                sent += 1
        except Exception as error:
            raise BatchSendError(sent) from error

    async def connect(self) -> None:  # noqa: B027
        """Connect, and check what the transport needs. Override it where there is a broker.

        A relay calls this when it starts, so that a wrong configuration is found before there is
        anything to send. Sending connects as well, so nobody has to call it.

        Raises:
            TransportRefusedError: the broker refuses the user, or what the transport will do.
            TransportUnavailableError: the broker cannot be reached yet, or lacks the stream.
        """

    async def close(self) -> None:  # noqa: B027
        """Close connections. Override it in a transport that holds any.

        Every message that was sent is confirmed, so closing loses nothing. Closing twice is
        harmless; sending after it opens a new connection.
        """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class AsyncSinkholeEventstreamTransport(AsyncAbstractEventstreamTransport):
    """Drops all messages."""

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Do nothing."""


class AsyncEventstreamPublisher:
    """Publishes messages to the eventstream.

    Args:
        transport: sends the serialized messages.
        serializer: converts a message to the mapping that the transport sends.
    """

    def __init__(
        self,
        transport: AsyncAbstractEventstreamTransport,
        serializer: AbstractMessageSerializer = MessageSerializer(),  # noqa: B008
    ) -> None:
        adapt(transport.send_message_serialized)  # refuses one of the other colour
        self.transport = transport
        self.serializer = serializer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    async def send_message(self, message: Message[Any]) -> None:
        """Send a message if its metadata says that it is published.

        Messages are private by default: they stay in the process.
        """
        if message.metadata.published:
            send = self.transport.send_message_serialized
            sending: Any = send(self.serializer.serialize_message(message))  # type: ignore[func-returns-value,unused-ignore]
            if sending is not None and (outcome := await sending) is not None:
                ensure_finished(outcome, send)
