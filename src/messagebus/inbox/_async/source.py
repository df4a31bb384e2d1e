"""A source: what messages come from."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from typing import Any

from ..._compat.aio import adapt_methods
from ..capability import SourceCapability
from ..delivery import Delivery


class AsyncAbstractSource(abc.ABC):
    """Delivers the messages of a stream or queue to one consumer, until they are settled.

    A source knows its broker, and nothing else: handlers, attempts and dead letters belong to the
    consumer. Everything that was delivered and not settled is delivered again, to this process or
    to another one, after the connection is lost, the source is closed or the process dies.

    The consumer calls *receive*, *settle*, *release* and *assign* one at a time, and *extend* also
    beside them. Each of them may raise the errors of *connect*; the consumer then tries again. A
    source whose connection is lost connects by itself at the next call, and reads what it read
    before.
    """

    capabilities: frozenset[SourceCapability] = frozenset()
    """What it can do beyond the common rules; its options may decide about it."""

    partitions: int = 0
    """
    The number of partitions of which each is read by one process at a time, by leases of the
    consumer; 0 if the broker sees to that, or if order across processes is not asked for.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    @abc.abstractmethod
    async def connect(self) -> None:
        """Connect, and check what the source needs.

        Raises:
            TransportRefusedError: the broker refuses the user, or what the source will do.
            StreamMissingError: the stream or queue does not exist, and is not created.
            TransportUnavailableError: the broker cannot be reached.
        """

    @abc.abstractmethod
    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages in order.

        Messages that are delivered again come before those that were never delivered, where the
        source keeps order.

        Args:
            limit: the most messages to return; more must not be lost.
            wait: the longest wait for the first message, in seconds. The rest is not waited for.
        """

    @abc.abstractmethod
    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that messages are done, in any order; return when it has confirmed.

        A delivery that is not held any more, because its connection or its partition was lost, is
        passed over.
        """

    @abc.abstractmethod
    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Give messages back that are not done, for this process or another one.

        Args:
            deliveries: the messages; those not held any more are passed over.
            delay: how long to hold them back, in seconds, where the broker can.
        """

    async def extend(self, deliveries: Sequence[Delivery]) -> None:  # noqa: B027
        """Tell the broker that messages are still being worked on.

        Override it where the broker gives messages to others after some time. It is called often
        enough for a *hold* of seconds, see there.
        """

    hold: float | None = None
    """After how many seconds without *extend* the broker gives a message away; None for never."""

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those messages that still belong to this process.

        The consumer asks before it handles messages, and forgets the others. Override it where
        partitions come and go.
        """
        return deliveries

    async def assign(self, partitions: Collection[int]) -> None:  # noqa: B027
        """Read these partitions from now on, and no others. Override it with *partitions*.

        Until it is called, a source reads all of them: where nobody leases partitions, one process
        reads at a time. It may be called before *connect*, and holds until the source is closed.

        Of a partition that is new, first deliver what another process was given and has not
        settled; that process is dead or has given the partition up.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the connections; what is not settled is delivered again.

        Closing twice is harmless, and a source may be connected again.
        """
