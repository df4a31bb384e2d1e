"""The access of the rules to a transport and its destination."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..capability import Capability


class AsyncTransportHarness(abc.ABC):
    """An empty destination, and transports to it.

    Attributes:
        capabilities: the capabilities of the transport beyond the common ones. Override the
            methods that they name.
    """

    capabilities: frozenset[Capability] = frozenset()

    @abc.abstractmethod
    def transport(self) -> AsyncAbstractEventstreamTransport:
        """Create a transport to the destination; each call creates another one."""

    @abc.abstractmethod
    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Return the messages at the destination, in order, as they were given to the transport."""

    def misdirected(self) -> AsyncAbstractEventstreamTransport:
        """Create a transport to a destination that does not exist, for DESTINATION."""
        raise NotImplementedError

    def limit(self) -> int:
        """Return the size limit of a message in bytes, for SIZE_LIMIT."""
        raise NotImplementedError

    def stop_broker(self) -> None:
        """Stop the broker, for OUTAGES. Like the next two, it may be called in any thread."""
        raise NotImplementedError

    def kill_broker(self) -> None:
        """Kill the broker without a shutdown, for OUTAGES."""
        self.stop_broker()

    def start_broker(self) -> None:
        """Start the broker again, with every message it had confirmed, for OUTAGES."""
        raise NotImplementedError
