"""The transport to a JetStream stream, for plain code.

NATS has no sync client: this transport runs the async one on an event loop in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ...service._sync.eventstream import SyncAbstractEventstreamTransport
from .._transport.loop_thread import LoopThread
from ._async_transport import OPTIONS, AsyncNatsTransport, settings_of


class SyncNatsTransport(SyncAbstractEventstreamTransport):
    """Publish messages to a JetStream stream, each as a JSON object.

    The identifier of a message becomes its ``Nats-Msg-Id``, by which the stream drops duplicates.
    Many threads may use a transport. A process that is forked opens a connection of its own.

    Args:
        servers: the URL of a server, or the URLs of several servers of a cluster.
        stream: the name of the stream.
        subject: the subject of a message, with fields such as ``events.{name}``.
        settings: the other arguments of `AsyncNatsTransport`.

    Raises:
        ConfigurationError: the subject, the name of the stream, a server or a duration is not
            valid.
    """

    system: str = "nats"

    def __init__(
        self, servers: str | Sequence[str], stream: str, subject: str, **settings: Any
    ) -> None:
        self._transport = AsyncNatsTransport(servers, stream, subject, **settings)
        self.destination: str | None = subject
        self._loop = LoopThread("messagebus-nats")

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport from a URL, as `AsyncNatsTransport.from_url` does.

        Raises:
            ConfigurationError: stream or subject is missing, or an option is wrong or unknown.
        """
        return cls(**settings_of(url, options, OPTIONS))

    def connect(self) -> None:
        """Connect, and check the user, its rights on the stream, and the stream.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or the
                stream takes no messages.
            StreamMissingError: there is no stream, and the transport does not create it, or it
                listens to none of the subjects.
            TransportUnavailableError: no server can be reached, or JetStream does not answer.
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
