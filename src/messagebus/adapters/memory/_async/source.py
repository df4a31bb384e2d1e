"""The source that reads what a transport keeps in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Any, Self

from ...._compat.waits.aio import sleep
from ....exceptions import TransportUnavailableError
from ....inbox._async.source import AsyncAbstractSource
from ....inbox.capability import SourceCapability
from ....inbox.delivery import Delivery
from ..._transport.encoding import json_of
from ..._transport.options import split_options, truth
from ..._transport.partitions import ensure_partitions
from ..group import Handout
from .transport import AsyncMemoryTransport

_PAUSE = 0.005  # seconds


class AsyncMemorySource(AsyncAbstractSource):
    """Deliver the messages that a transport keeps in memory.

    All sources of one transport and one consumer share its messages, and none is delivered to two
    of them at a time. While the transport is down, so is the source. What is in *sent* and is no
    mapping, such as bytes that a test has put there, cannot be read.

    Args:
        transport: the transport that keeps the messages.
        consumer: the name of the consumer; each name gets every message.
        partitions: the number of partitions, among which ordering keys divide the messages.

    Attributes:
        transport: the transport.

    Raises:
        ConfigurationError: the number of partitions is out of its range.
    """

    capabilities: frozenset[SourceCapability] = frozenset(
        {
            SourceCapability.HISTORY,
            SourceCapability.LEASED,
            SourceCapability.ORDER,
            SourceCapability.OUTAGES,
            SourceCapability.REDELIVERED,
            SourceCapability.SEPARATE,
        }
    )

    def __init__(
        self, transport: AsyncMemoryTransport, consumer: str, *, partitions: int = 1
    ) -> None:
        ensure_partitions(partitions)
        self.transport = transport
        self.partitions = partitions
        self._group = transport.group(consumer, partitions)
        self._assigned: Collection[int] = range(partitions)

    @classmethod
    def from_url(cls, url: str, consumer: str) -> Self:
        """Create a source with a transport of its own, its attribute *transport*.

        Args:
            url: ``memory:``, with the options *partitions* and *deduplicate*.
            consumer: the name of the consumer.

        Raises:
            ConfigurationError: an option is unknown, or has a wrong value.
        """
        _, options = split_options(url, {"partitions": int, "deduplicate": truth})
        partitions = options.pop("partitions", 1)
        return cls(AsyncMemoryTransport(**options), consumer, partitions=partitions)

    async def connect(self) -> None:
        """Ensure that the transport is up.

        Raises:
            TransportUnavailableError: it is down.
        """
        if self.transport.down:
            problem = "The transport is down: down=True"
            raise TransportUnavailableError(problem)

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages in order.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the transport is down.
        """
        end = monotonic() + wait
        while True:
            await self.connect()
            handouts = self._group.take(self, self._assigned, limit)
            if handouts or monotonic() >= end:
                return [self._delivery(each) for each in handouts]
            await sleep(_PAUSE)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Forget messages that are done; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the transport is down.
        """
        await self.connect()
        self._group.settle([each.receipt for each in deliveries])

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:  # noqa: ARG002
        """Give messages back at once; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the transport is down.
        """
        await self.connect()
        self._group.release([each.receipt for each in deliveries])

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those messages that are neither settled nor given back."""
        return [each for each in deliveries if self._group.holds(each.receipt)]

    async def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others hold of them is delivered first."""
        self._assigned = frozenset(partitions)
        self._group.take_over(self, self._assigned)

    async def close(self) -> None:
        """Give back what is not settled."""
        self._group.leave(self)
        self._assigned = range(self.partitions)

    def _delivery(self, handout: Handout) -> Delivery:
        entry: Any = self.transport.sent[handout.place]
        wire = entry if isinstance(entry, Mapping) else None
        return Delivery(
            wire=wire,
            body=entry if isinstance(entry, bytes) else json_of(entry).encode(),
            origin=f"memory {handout.place}",
            partition=self._group.partition(handout.place),
            redelivered=handout.again,
            receipt=handout.serial,
        )
