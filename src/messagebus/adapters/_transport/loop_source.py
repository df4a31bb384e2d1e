"""A source for plain code whose library is async only."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...inbox._async.source import AsyncAbstractSource
from ...inbox._sync.source import SyncAbstractSource
from ...inbox.capability import SourceCapability
from ...inbox.delivery import Delivery
from .loop_thread import LoopThread


class LoopSource(SyncAbstractSource):
    """Run an async source on an event loop in a thread.

    A process that is forked opens a connection of its own.

    Args:
        source: the async source.
        thread: the name of the thread.
    """

    def __init__(self, source: AsyncAbstractSource, thread: str) -> None:
        self._source = source
        self.capabilities: frozenset[SourceCapability] = source.capabilities
        self.partitions: int = source.partitions
        self.hold: float | None = source.hold
        self._loop = LoopThread(thread)

    def connect(self) -> None:
        """Connect, and check what the source needs.

        Raises:
            TransportRefusedError: the server refuses the user, or what the source will do.
            StreamMissingError: there is no stream, and the source does not create it.
            TransportUnavailableError: no server can be reached.
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

        Args:
            deliveries: the messages.
            delay: how long to hold them back, in seconds, where the source can.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        self._loop.run(self._source.release(deliveries, delay))

    def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Keep messages for another *hold* seconds, where there is a limit.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        if self.hold is not None:
            self._loop.run(self._source.extend(deliveries))

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those messages that still belong to this process."""
        return self._source.held(deliveries)

    def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others have not settled of them comes first."""
        self._loop.run(self._source.assign(partitions))

    def close(self) -> None:
        """Close the connection, and end the thread; what is not settled is delivered again."""
        self._loop.run(self._source.close())
        self._loop.close()
