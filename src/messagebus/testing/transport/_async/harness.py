"""How the rules get at a transport and at what it sends to."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..capability import Capability


class AsyncTransportHarness(abc.ABC):
    """A destination that is empty at first, and the ways to it.

    Attributes:
        capabilities: what the transport can do beyond what all can. What it names has to be
            overridden here.
    """

    capabilities: frozenset[Capability] = frozenset()

    @abc.abstractmethod
    def transport(self) -> AsyncAbstractEventstreamTransport:
        """Make a transport to the destination; each call makes another one to the same."""

    @abc.abstractmethod
    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Return what is at the destination, in its order, as the transport was given it."""

    def misdirected(self) -> AsyncAbstractEventstreamTransport:
        """Make a transport to a destination that does not exist: for DESTINATION."""
        raise NotImplementedError

    def limit(self) -> int:
        """Return the most bytes that a message may have: for SIZE_LIMIT."""
        raise NotImplementedError

    def stop_broker(self) -> None:
        """Stop the broker: for OUTAGES. Called in any thread, as the next two."""
        raise NotImplementedError

    def kill_broker(self) -> None:
        """End the broker without giving it time to tidy up: for OUTAGES."""
        self.stop_broker()

    def start_broker(self) -> None:
        """Start the broker again, with all that it had confirmed: for OUTAGES."""
        raise NotImplementedError
