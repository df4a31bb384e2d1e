"""The access of the rules to a source, and to the stream that it reads."""

from __future__ import annotations

import abc

from ....inbox._async.source import AsyncAbstractSource
from ....inbox.capability import SourceCapability
from ....service._async.eventstream import AsyncAbstractEventstreamTransport


class AsyncSourceHarness(abc.ABC):
    """A stream without messages, transports to it, and sources that read it.

    Transports and sources create what they need. With LEASED, two partitions or more show more.

    Attributes:
        capabilities: the capabilities of the source beyond the common ones.
    """

    capabilities: frozenset[SourceCapability] = frozenset()

    @abc.abstractmethod
    def transport(self) -> AsyncAbstractEventstreamTransport:
        """Create a transport to the stream."""

    @abc.abstractmethod
    def source(self, consumer: str = "reader") -> AsyncAbstractSource:
        """Create a source for the consumer of a name; its *hold* must be short."""

    @abc.abstractmethod
    def another(self) -> AsyncSourceHarness:
        """Return a harness with another stream of the same broker."""

    @abc.abstractmethod
    async def send_unreadable(self, body: bytes) -> None:
        """Put a message into the stream, with a body that no transport would send."""

    @abc.abstractmethod
    async def cut(self, source: AsyncAbstractSource) -> None:
        """Cut the connections of a source, as when its process is killed.

        The rules may use it again, as if the network had failed.
        """

    def stop_broker(self) -> None:
        """Stop the broker, for OUTAGES. Like the next two, it may be called in any thread."""
        raise NotImplementedError

    def kill_broker(self) -> None:
        """Kill the broker without a shutdown, for OUTAGES."""
        self.stop_broker()

    def start_broker(self) -> None:
        """Start the broker again, with every message it had confirmed, for OUTAGES."""
        raise NotImplementedError
