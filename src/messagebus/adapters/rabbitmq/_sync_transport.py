"""The transport to an exchange of RabbitMQ, for plain code.

It runs the async one on an event loop in a thread: only there, the messages of a bundle are
confirmed together, and heartbeats go on while the program does something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ...service._sync.eventstream import SyncAbstractEventstreamTransport
from .._transport.loop_thread import LoopThread
from ._async_transport import AsyncRabbitmqTransport, settings_of


class SyncRabbitmqTransport(SyncAbstractEventstreamTransport):
    """Publish messages to an exchange: the payload is the body, the rest is beside it.

    Many threads may use a transport. A process that is forked opens a connection of its own.

    Args:
        server: the URL of the server, with its virtual host.
        exchange: the name of the exchange.
        settings: the other arguments of `AsyncRabbitmqTransport`.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    system: str = "rabbitmq"

    def __init__(self, server: str, exchange: str, **settings: Any) -> None:
        self._transport = AsyncRabbitmqTransport(server, exchange, **settings)
        self.destination: str | None = exchange
        self._loop = LoopThread("messagebus-rabbitmq")

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport from a URL, as `AsyncRabbitmqTransport.from_url` does.

        Raises:
            ConfigurationError: the exchange is missing, or an option is wrong or unknown.
        """
        return cls(**settings_of(url, options))

    def connect(self) -> None:
        """Connect, and check the user and the exchange.

        Raises:
            TransportRefusedError: the server refuses the user, or the user lacks a right.
            StreamMissingError: there is no exchange, and the transport does not create it.
            TransportUnavailableError: the server cannot be reached.
        """
        self._loop.run(self._transport.connect())

    def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a message; return when the broker has confirmed it.

        Raises:
            TransportUnavailableError: the broker cannot be reached or does not answer.
            TransportRefusedError: it refuses the user or the configuration; raised at once.
            MessageRejectedError: the message cannot be sent, however often it is tried.
        """
        self._loop.run(self._transport.send_message_serialized(message))

    def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages in order; return when the broker has confirmed all of them.

        Raises:
            BatchSendError: a message failed; the error says how many before it were confirmed.
                Its cause is the error that sending the message alone would have raised.
        """
        self._loop.run(self._transport.send_messages_serialized(messages))

    def close(self) -> None:
        """Close the connection, and end the thread."""
        self._loop.run(self._transport.close())
        self._loop.close()
