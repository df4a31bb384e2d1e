"""The source that reads a JetStream stream, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Self

from nats.errors import NoRespondersError

from ..._ranges import SHORTEST, ensure_number
from ...exceptions import ConfigurationError, TransportUnavailableError
from ...inbox._async.source import AsyncAbstractSource
from ...inbox.capability import SourceCapability
from ...inbox.delivery import Delivery
from .._transport.holdings import Holdings
from .._transport.options import Kinds, truth
from .._transport.partitions import ensure_partitions
from ._async_transport import settings_of
from .arrival import delivery_of
from .connection import Stream
from .reader import Reader
from .servers import read_servers
from .subject import SubjectTemplate

_NAME = re.compile(r"[^\s.*>/\\]+")
_HOLD = 60.0  # seconds
OPTIONS: Kinds = {
    "stream": str,
    "subject": str,
    "partitions": int,
    "ordered": truth,
    "hold": float,
    "create": truth,
    "timeout": float,
}

_COMMON = frozenset(
    {SourceCapability.HISTORY, SourceCapability.OUTAGES, SourceCapability.REDELIVERED}
)
ORDERED = _COMMON | {SourceCapability.LEASED, SourceCapability.ORDER}
COMPETING = _COMMON | {SourceCapability.DELAY, SourceCapability.SEPARATE}


class AsyncNatsSource(Reader, AsyncAbstractSource):
    """Deliver the messages of a JetStream stream by durable consumers.

    In order, each partition is read by one process at a time, to which the consumer leases it. The
    process makes a durable consumer of its own, ``<consumer>_<partition>_<number>``, which begins
    with what is not settled; the one before is deleted, so that nobody reads it any more. Without
    leases, let one process read.

    Without order, all processes share a durable consumer of the name. What a process holds for
    longer than *hold* without extending it goes to another one.

    Args:
        servers: the URL of a server, or the URLs of several servers of a cluster.
        stream: the name of the stream.
        subject: the subject of the messages, as for the transport.
        consumer: the name of the consumer.
        partitions: the number of partitions, as for the transport.
        ordered: keep order, also across processes and crashes.
        hold: how long a process may hold a message that it does not extend, in seconds; 60 by
            default. Only without order.
        create: create a stream that does not exist.
        timeout: the limit for a connection, and for an answer, in seconds.
        options: further arguments for *nats.connect*, such as *user_credentials*.

    Raises:
        ConfigurationError: an argument is not valid, or *hold* is given with order.
    """

    capabilities: frozenset[SourceCapability] = ORDERED

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        subject: str,
        consumer: str,
        *,
        partitions: int = 1,
        ordered: bool = True,
        hold: float | None = None,
        create: bool = False,
        timeout: float = 5.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if hold is not None:
            ensure_number("hold", hold, least=SHORTEST)
        ensure_number("timeout", timeout, least=SHORTEST)
        ensure_partitions(partitions)
        for name in (stream, consumer):
            if not _NAME.fullmatch(name):
                problem = f"{name!r} is not a valid name of a stream or of a consumer"
                raise ConfigurationError(problem)
        if ordered and hold is not None:
            problem = "hold has no effect on a source that keeps order"
            raise ConfigurationError(problem, advice="Leave it out, or set ordered=False.")
        self.capabilities = ORDERED if ordered else COMPETING
        self.partitions: int = partitions if ordered else 0
        self.hold: float | None = None if ordered else (hold or _HOLD)
        template = SubjectTemplate(subject, partitions)
        self._servers = read_servers(servers)
        self._subjects = template.patterns
        self._stream = Stream(stream, template.pattern, create, 600.0)
        self._consumer = consumer
        self._timeout = timeout
        self._client_options = dict(options or {})
        self._assigned = range(partitions)
        self._holdings = Holdings(self.hold)
        self._forget()

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL.

        Args:
            url: such as ``nats://host:4222?stream=EVENTS&subject=events.{name}``, as for the
                transport. The query takes every argument but *options*.
            consumer: the name of the consumer.
            options: arguments of the source; they override the URL.

        Raises:
            ConfigurationError: stream or subject is missing, an option is wrong or unknown, or a
                password in the URL is not percent-encoded.
        """
        return cls(consumer=consumer, **settings_of(url, options, OPTIONS))

    async def connect(self) -> None:
        """Connect, and check the user and the stream.

        Raises:
            TransportRefusedError: the server refuses the user, or the user lacks a right.
            StreamMissingError: there is no stream, and the source does not create it, or it listens
                to none of the subjects.
            TransportUnavailableError: no server can be reached, or JetStream does not answer.
        """
        async with self._failures():
            await self._connected()

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages: of each partition first those that are not settled.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        end = monotonic() + wait
        while True:
            self._collect()
            if batch := self._holdings.take(limit):
                return batch
            async with self._failures():
                pulls = await self._connected()
                await self._make_durables()
                if self._durables:
                    # What has come counts as delivered, also if this process ends before using it.
                    share = math.ceil(limit / len(self._durables))
                    await pulls.pull(self._durables, share, max(end - monotonic(), 0.0))
                else:
                    await asyncio.sleep(max(end - monotonic(), 0.0))
            self._collect()
            if self._holdings.waiting:
                continue
            if monotonic() >= end:
                return []

    def _collect(self) -> None:
        """Turn what has arrived into deliveries."""
        found: list[Delivery] = []
        while self._pulls is not None and self._pulls.arrived:
            durable, message = self._pulls.arrived.popleft()
            if self._durables.get(durable.name) is durable:
                found.append(delivery_of(durable, message))
                self._messages[found[-1].receipt] = message
        self._holdings.add(found)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the server cannot be reached, or does not confirm.
        """
        self._enter_loop()
        for partition, held in self._holdings.select(deliveries):
            async with self._failures():
                client = self._client()
                *others, last = (self._messages[each.receipt].reply for each in held)
                for reply in others:
                    await client.publish(reply, b"+ACK")
                try:
                    await client.request(last, b"+ACK", timeout=self._timeout)
                except NoRespondersError:
                    if self.hold is not None:
                        raise
                    # Whoever reads the partition now has deleted the durable consumer.
                    self._keep(set(self._assigned) - {partition})
            self._drop(held)

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Give messages back; those not held any more are passed over.

        Args:
            deliveries: the messages.
            delay: how long to hold them back, in seconds; without order only.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        self._enter_loop()
        for _, held in self._holdings.select(deliveries):
            if self.hold is None:
                self._holdings.add(replace(each, redelivered=True) for each in held)
                continue
            async with self._failures():
                client = self._client()
                how = b"-NAK" + (b' {"delay": %d}' % round(delay * 1e9) if delay else b"")
                fresh = self._holdings.held(held)
                for each in fresh:
                    await client.publish(self._messages[each.receipt].reply, how)
                await client.flush(self._timeout)
            self._drop(held)

    async def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Keep messages for another *hold* seconds; only needed without order.

        Raises:
            TransportUnavailableError: the server cannot be reached.
        """
        if self.hold is None:
            return
        self._enter_loop()
        for _, held in self._holdings.select(deliveries):
            fresh = self._holdings.held(held)
            begin = monotonic()
            async with self._failures():
                client = self._client()
                # Some may be settled while others are published.
                for reply in [self._messages[each.receipt].reply for each in fresh]:
                    await client.publish(reply, b"+WPI")
                await client.flush(self._timeout)
            self._holdings.extend(fresh, begin)

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those messages that are neither settled, nor given back, nor held for too long."""
        return self._holdings.held(deliveries)

    async def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others have not settled of them comes first."""
        self._assigned = frozenset(partitions)
        self._keep(self._assigned)

    async def close(self) -> None:
        """Close the connection; what is not settled is delivered again."""
        self._enter_loop()
        self._collect()
        if self._connection is not None and self.hold is not None:
            with contextlib.suppress(TransportUnavailableError):  # others get it later then
                await self.release(self._holdings.all())
        await self._lose()
        self._assigned = range(len(self._subjects))

    def _keep(self, partitions: Collection[int]) -> None:
        """Forget what is of other partitions."""
        self._holdings.keep(partitions)
        self._messages = {
            place: each for place, each in self._messages.items() if place.partition in partitions
        }
        self._durables = {
            name: each for name, each in self._durables.items() if each.partition in partitions
        }

    def _drop(self, deliveries: Sequence[Delivery]) -> None:
        self._holdings.drop(deliveries)
        for each in deliveries:
            self._messages.pop(each.receipt, None)
