"""The source that reads the queues of a consumer, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Self

from ..._ranges import SHORTEST, ensure_number, ensure_whole
from ...exceptions import TransportUnavailableError
from ...inbox._async.source import AsyncAbstractSource
from ...inbox.capability import SourceCapability
from ...inbox.delivery import Delivery
from .._transport.holdings import Holdings
from .._transport.meaning import failure_of
from .._transport.options import Kinds, truth
from ._async_transport import ensure_server, settings_of
from .arrival import Place, delivery_of
from .connection import Connection, Exchange
from .errors import CLIENT_ERRORS, explain
from .queues import declare, queues_of
from .subscriptions import Subscriptions

_LOST = "The connection to RabbitMQ is lost"
_MOST = 65_535  # of what AMQP can count
OPTIONS: Kinds = {
    "exchange": str,
    "partitions": int,
    "ordered": truth,
    "prefetch": int,
    "heartbeat": int,
    "create": truth,
    "timeout": float,
}

COMPETING = frozenset(
    {SourceCapability.OUTAGES, SourceCapability.REDELIVERED, SourceCapability.SEPARATE}
)
ORDERED = COMPETING | {SourceCapability.ORDER}


class AsyncRabbitmqSource(AsyncAbstractSource):
    """Deliver the messages of an exchange by quorum queues of the consumer.

    The source declares them and binds them to the exchange: ``<exchange>.<consumer>``, or with
    partitions ``<exchange>.<consumer>.0`` and so on. They receive what is sent from then on.

    In order, each queue has a single active consumer: the server delivers its messages to one
    process until that process is gone, and then all that is not settled to the next one. Of several
    partitions, the consumer leases each to a process, so that the processes share them.

    Without order, all processes share one queue.

    Args:
        server: the URL of the server, ``amqp://user:password@host/vhost`` or ``amqps://``.
        exchange: the name of the exchange; with partitions, of the type topic.
        consumer: the name of the consumer.
        partitions: the number of partitions, as for the transport.
        ordered: keep order, also across processes and crashes.
        prefetch: the most messages that the server sends, before they are settled, to a process
            that reads all queues. All processes of a consumer must have the same.
        heartbeat: the server closes a connection that is silent for twice that long, in seconds.
        create: declare the exchange, durable and of the type topic, if it does not exist.
        timeout: the limit for a connection, and for an answer, in seconds.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    capabilities: frozenset[SourceCapability] = ORDERED

    def __init__(
        self,
        server: str,
        exchange: str,
        consumer: str,
        *,
        partitions: int = 1,
        ordered: bool = True,
        prefetch: int = 200,
        heartbeat: int = 10,
        create: bool = False,
        timeout: float = 5.0,
    ) -> None:
        ensure_server(server)
        ensure_number("timeout", timeout, least=SHORTEST)
        ensure_whole("prefetch", prefetch, most=_MOST)
        ensure_whole("heartbeat", heartbeat, most=_MOST - 1)
        self._queues = queues_of(exchange, consumer, partitions, ordered=ordered)
        self.capabilities = ORDERED if ordered else COMPETING
        self.partitions: int = 0
        if len(self._queues) > 1:
            self.capabilities |= {SourceCapability.LEASED}
            self.partitions = partitions
        self._ordered = ordered
        self._url = f"{server}?heartbeat={heartbeat}"
        self._exchange = Exchange(exchange, create)
        # The server puts what comes back behind what came back before: order is kept only if each
        # process can take all that the one before it held. So this is the same for each of them,
        # however many of the queues it reads.
        self._prefetch = max(prefetch // len(self._queues), 1)
        self._timeout = timeout
        self._assigned: Collection[int] = range(len(self._queues))
        self._numbers = itertools.count()
        self._holdings = Holdings(None)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._subscriptions: Subscriptions | None = None

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL.

        Args:
            url: such as ``amqp://user:password@host/vhost?exchange=events``. The query takes
                every argument.
            consumer: the name of the consumer.
            options: arguments of the source; they override the URL.

        Raises:
            ConfigurationError: the exchange is missing, an option is wrong or unknown, or a
                password in the URL is not percent-encoded.
        """
        return cls(consumer=consumer, **settings_of(url, options, OPTIONS))

    async def connect(self) -> None:
        """Connect, check the user and the exchange, and declare the queues.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or a queue
                exists with other settings.
            StreamMissingError: there is no exchange, and the source does not create it.
            TransportUnavailableError: the server cannot be reached.
        """
        async with self._failures():
            subscriptions = await self._connected()
            if not self.partitions:  # others may read what was not assigned yet
                await subscriptions.read(self._assigned)

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages: of each queue first those that are not settled.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the connection is lost, or the server cannot be reached.
        """
        end = monotonic() + wait
        while True:
            async with self._failures():
                subscriptions = await self._connected()
                await subscriptions.read(self._assigned)
            self._collect(subscriptions)
            if batch := self._holdings.take(limit):
                return batch
            if monotonic() >= end:
                return []
            await subscriptions.wait(end - monotonic())

    def _collect(self, subscriptions: Subscriptions) -> None:
        """Turn what has arrived into deliveries."""
        found: list[Delivery] = []
        while subscriptions.arrived:
            subscription, message = subscriptions.arrived.popleft()
            tag = message.delivery_tag
            if subscriptions.reads(subscription) and tag is not None:
                subscription.note(tag)
                place = Place(next(self._numbers), subscription.partition, tag)
                found.append(delivery_of(place, subscription.queue.name, message))
        self._holdings.add(found)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the connection is lost, or the server does not answer.
        """
        for partition, held in self._held(deliveries):
            async with self._failures():
                await self._settle(partition, held, done=True)
            self._holdings.drop(held)

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:  # noqa: ARG002
        """Give messages back; those not held any more are passed over.

        In order, they are delivered to this process again: the server would put them behind those
        that it has sent already. They go to another process when this source is closed.

        Args:
            deliveries: the messages.
            delay: ignored.

        Raises:
            TransportUnavailableError: the connection is lost, or the server does not answer.
        """
        for partition, held in self._held(deliveries):
            if self._ordered:
                self._holdings.add(replace(each, redelivered=True) for each in held)
                continue
            async with self._failures():
                await self._settle(partition, held, done=False)
            self._holdings.drop(held)

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those that are neither settled, nor given back, nor lost with a connection."""
        if self._connection is None or not self._connection.usable:
            return []
        return self._holdings.held(deliveries)

    async def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others have not settled of them comes first.

        Raises:
            TransportUnavailableError: the connection is lost, or the server does not answer.
        """
        self._enter_loop()
        self._assigned = frozenset(partitions)
        self._holdings.keep(self._assigned)
        if self._subscriptions is not None:
            async with self._failures():
                await self._subscriptions.read(self._assigned)

    async def close(self) -> None:
        """Close the connection; what is not settled is delivered again."""
        self._enter_loop()
        await self._lose()
        self._assigned = range(len(self._queues))

    async def _connected(self) -> Subscriptions:
        self._enter_loop()
        self._ensure_not_lost()
        if self._subscriptions is None:
            connection = self._connection = Connection(self._exchange, self._timeout)
            await connection.open(self._url)
            channel = await connection.call(connection.open_channel())
            for each in self._queues:
                await connection.call(declare(channel, each, self._exchange.name))
            await connection.call(connection.close_channel(channel))
            self._subscriptions = Subscriptions(connection, self._queues, self._prefetch)
        return self._subscriptions

    def _ensure_not_lost(self) -> None:
        connection = self._connection
        if connection is None or connection.usable:
            return
        loss = connection.loss
        if isinstance(loss, CLIENT_ERRORS):
            raise loss
        raise TransportUnavailableError(_LOST) from loss

    def _held(self, deliveries: Sequence[Delivery]) -> list[tuple[int, list[Delivery]]]:
        """Return the partitions of the deliveries that are held, with these."""
        self._enter_loop()
        return list(self._holdings.select(self.held(deliveries)))

    async def _settle(self, partition: int, held: Sequence[Delivery], *, done: bool) -> None:
        if self._subscriptions is None:
            raise TransportUnavailableError(_LOST)
        tags = [each.receipt.tag for each in held]
        await self._subscriptions.settle(partition, tags, done=done)

    @contextlib.asynccontextmanager
    async def _failures(self) -> AsyncIterator[None]:
        try:
            yield
        except TransportUnavailableError:
            await self._lose()
            raise
        except CLIENT_ERRORS as error:
            await self._lose()
            raise failure_of(*explain(error), None) from error

    async def _lose(self) -> None:
        connection = self._connection
        self._forget()
        if connection is not None:
            await connection.close()

    def _forget(self) -> None:
        self._connection = self._subscriptions = None
        self._holdings.clear()

    def _enter_loop(self) -> None:
        """Forget what belongs to another event loop: here it can be neither used nor closed."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._forget()
