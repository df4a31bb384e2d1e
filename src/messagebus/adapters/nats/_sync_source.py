"""The source that reads a JetStream stream, for plain code.

NATS has no sync client: this source runs the async one on an event loop in a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Self

from ...inbox._sync.source import SyncAbstractSource
from ...inbox.delivery import Delivery
from .._transport.loop_thread import LoopThread
from ._async_source import OPTIONS, AsyncNatsSource
from ._async_transport import settings_of


class SyncNatsSource(SyncAbstractSource):
    """Deliver the messages of a JetStream stream by durable consumers.

    See `AsyncNatsSource`. A process that is forked opens a connection of its own.

    Args:
        servers: the URL of a server, or the URLs of several servers of a cluster.
        stream: the name of the stream.
        subject: the subject of the messages, as for the transport.
        consumer: the name of the consumer.
        settings: the other arguments of `AsyncNatsSource`.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        subject: str,
        consumer: str,
        **settings: Any,
    ) -> None:
        self._source = AsyncNatsSource(servers, stream, subject, consumer, **settings)
        self.capabilities = self._source.capabilities
        self.partitions = self._source.partitions
        self.hold = self._source.hold
        self._loop = LoopThread("messagebus-nats-source")

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL, as `AsyncNatsSource.from_url` does.

        Raises:
            ConfigurationError: stream or subject is missing, or an option is wrong or unknown.
        """
        return cls(consumer=consumer, **settings_of(url, options, OPTIONS))

    def connect(self) -> None:
        """Connect, and check the user and the stream.

        Raises:
            TransportRefusedError: the server refuses the user, or the user lacks a right.
            StreamMissingError: there is no stream, and the source does not create it.
            TransportUnavailableError: no server can be reached, or JetStream does not answer.
        """
        self._loop.run(self._source.connect())

    def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages: of each partition first those that are not settled.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        return self._loop.run(self._source.receive(limit, wait))

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the server cannot be reached, or does not confirm.
        """
        self._loop.run(self._source.settle(deliveries))

    def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Give messages back; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        self._loop.run(self._source.release(deliveries, delay))

    def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Keep messages for another *hold* seconds; only needed without order.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        self._loop.run(self._source.extend(deliveries))

    def holds(self, delivery: Delivery) -> bool:
        """Tell whether a message is neither settled, nor given back, nor held for too long."""
        return self._source.holds(delivery)

    def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others have not settled of them comes first."""
        self._loop.run(self._source.assign(partitions))

    def close(self) -> None:
        """Close the connection, and end the thread; what is not settled is delivered again."""
        self._loop.run(self._source.close())
        self._loop.close()
