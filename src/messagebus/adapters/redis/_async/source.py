"""The source that reads Redis streams by a consumer group."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, Self

from ...._compat.logs import get_logger
from ...._compat.waits.aio import sleep
from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError, TransportUnavailableError
from ....inbox._async.source import AsyncAbstractSource
from ....inbox.capability import SourceCapability
from ....inbox.delivery import Delivery
from ..._transport.holdings import Holdings
from .._compat.aio import AsyncRedis, AsyncRedisCluster
from ..entries import Entry, Place, delivery_of
from ..options import COMPETING, ORDERED, SOURCE, read_url
from ..streams import streams_of
from .client import AsyncClient
from .group import BEGINNING, AsyncGroup

_SLICE = _CHECK = 1.0  # seconds; the server waits for a slice at a time, a client gives up later
_HOLD = 60.0  # seconds


class AsyncRedisSource(AsyncAbstractSource):
    """Deliver the entries of a Redis stream, or of several, by a consumer group.

    In order, each partition is read by one process at a time, to which the consumer leases it. The
    process first takes over what the group was given and has not acknowledged, whoever held it.
    Without leases, let one process read, since another would take over what it holds.
    Without order, all processes share the entries. What a process holds for longer than *hold*
    without extending it goes to another one.

    Args:
        client: the client, also for a cluster or from a Sentinel; it stays open when the source
            is closed. It must wait for an answer for more than a second.
        stream: the key of the stream, as for the transport.
        consumer: the name of the group.
        partitions: the number of streams, as for the transport.
        ordered: keep order, also across processes and crashes.
        hold: how long a process may hold an entry that it does not extend, in seconds; 60 by
            default. It must exceed the longest batch. Only without order.
        create: create a stream that does not exist.

    Raises:
        ConfigurationError: an argument is out of its range, or *hold* is given with order.
    """

    capabilities: frozenset[SourceCapability] = ORDERED

    def __init__(
        self,
        client: AsyncRedis | AsyncRedisCluster | AsyncClient,
        stream: str,
        consumer: str,
        *,
        partitions: int = 1,
        ordered: bool = True,
        hold: float | None = None,
        create: bool = False,
    ) -> None:
        if hold is not None:
            ensure_number("hold", hold, least=SHORTEST)
        if not stream or not consumer:
            problem = "A source of Redis needs the names of a stream and of a consumer"
            raise ConfigurationError(problem)
        if ordered and hold is not None:
            problem = "hold has no effect on a source that keeps order"
            raise ConfigurationError(problem, advice="Leave it out, or set ordered=False.")
        self.capabilities = ORDERED if ordered else COMPETING
        self.partitions: int = partitions if ordered else 0
        self.hold: float | None = None if ordered else (hold or _HOLD)
        self._streams = streams_of(stream, partitions)
        self._create = create
        self._client = client if isinstance(client, AsyncClient) else AsyncClient(client)
        self._group = AsyncGroup(self._client, consumer)
        self._holdings = Holdings(self.hold)
        self._forget()

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source with a client of its own, which is closed with the source.

        Args:
            url: such as ``redis://host:6379/0?stream=events``, as for the transport. Its query
                takes every option of the source, and those of the client.
            consumer: the name of the group.
            options: *stream* and the other arguments of the source, and *timeout*, the limit for a
                connection and for each answer in seconds (5). They override the URL.

        Raises:
            ConfigurationError: there is no stream, an option is unknown or has a wrong value, or
                the password of the URL is not percent-encoded.
        """
        address, found, settings = read_url(url, SOURCE)
        options = {"timeout": 5.0, **found, **options}
        if "stream" not in options:
            problem = "A source of Redis needs a stream: add ?stream=events to the URL"
            raise ConfigurationError(problem)
        timeout = options.pop("timeout")
        client = AsyncClient.of_url(address, timeout, settings)
        source = cls(client, consumer=consumer, **options)
        source._slice = min(_SLICE, timeout / 2)
        return source

    _slice = _SLICE

    def _forget(self) -> None:
        self._opened = False
        self._leased = False
        self._assigned: Collection[int] = range(len(self._streams))
        # Where to go on claiming, for each partition in which there may be something to claim.
        self._cursors = dict.fromkeys(self._assigned, BEGINNING)
        self._next_check = 0.0
        self._holdings.clear()

    def _enter_process(self) -> None:
        """Forget what a forked process has inherited: it is held by the parent."""
        if self._group.is_inherited:
            self._group.enter_process()
            self._forget()

    async def connect(self) -> None:
        """Connect, create the group, and check the rights of the user.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or the key
                does not hold a stream.
            StreamMissingError: there is no stream, and the source does not create it.
            TransportUnavailableError: the server cannot be reached, or takes no writes now.
        """
        self._enter_process()
        for stream in self._streams:
            await self._group.open(stream, self._create)
        self._opened = True

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages: of each partition first those that were given to somebody before.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        self._enter_process()
        end, complete = monotonic() + wait, False
        try:
            if not self._opened:
                await self.connect()
            while True:
                batch = self._holdings.take(limit)
                if not batch:
                    await self._fill(limit, max(end - monotonic(), 0.0))
                    batch = self._holdings.take(limit)
                if batch or monotonic() >= end:
                    complete = True
                    return batch
        finally:
            if not complete:  # the server may have given us what we have not seen
                self._opened = False
                self._cursors = dict.fromkeys(self._assigned, BEGINNING)

    async def _fill(self, limit: int, wait: float) -> None:
        """Get entries from the server; wait for them, but not for longer than is useful."""
        if monotonic() >= self._next_check:
            self._check()
        for partition in sorted(self._cursors):
            await self._claim(partition, limit)
            if self._holdings.waiting:
                return
        streams = [self._streams[partition] for partition in sorted(self._assigned)]
        block = min(wait, self._slice, max(self._next_check - monotonic(), 0.001))
        if not streams:
            await sleep(block)
            return
        read = self._group.read_as_holder if self._leased else self._group.read
        for stream, entries in await read(streams, math.ceil(limit / len(streams)), block):
            self._keep(self._streams.index(stream), entries, redelivered=False)

    def _check(self) -> None:
        """Look for what others have held for too long, where order does not count."""
        self._next_check = monotonic() + min(_CHECK, (self.hold or _HOLD) / 4)
        if self.hold is not None:
            self._cursors = dict.fromkeys(self._assigned, BEGINNING)

    async def _claim(self, partition: int, limit: int) -> None:
        """Claim entries of a partition, until there are some or no more."""
        stream = self._streams[partition]
        idle = 0 if self.hold is None else round(self.hold * 1000)
        while (start := self._cursors.get(partition)) is not None:
            following, entries, lost = await self._group.claim(stream, start, limit, idle)
            if lost:
                get_logger().error(
                    "Redis has trimmed %d entries of the stream %r that the group had not "
                    "acknowledged; they are lost: %s",
                    *(len(lost), stream, ", ".join(lost)),
                    extra={"event": "consumer.trimmed", "stream": stream, "count": len(lost)},
                )
            if following == BEGINNING:
                del self._cursors[partition]
            else:
                self._cursors[partition] = following
            self._keep(partition, entries, redelivered=True)
            if self._holdings.waiting:
                return

    def _keep(self, partition: int, entries: Sequence[Entry], *, redelivered: bool) -> None:
        found = [(Place.of(partition, id), fields) for id, fields in entries]
        self._holdings.add(
            delivery_of(self._streams[partition], place, fields, redelivered)
            for place, fields in found
            if self.hold is not None or not self._holdings.knows(place)
        )

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages; those not held any more are passed over.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        self._enter_process()
        for partition, held in self._holdings.select(deliveries):
            ids = [each.receipt.id for each in held]
            await self._group.acknowledge(self._streams[partition], ids)
            self._holdings.drop(held)

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Give messages back; those not held any more are passed over.

        Args:
            deliveries: the messages.
            delay: how long to hold them back, in seconds, up to *hold*; without order only.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        self._enter_process()
        for partition, held in self._holdings.select(deliveries):
            if self.hold is None:
                self._holdings.add(replace(each, redelivered=True) for each in held)
                continue
            fresh = self._holdings.held(held)
            self._holdings.drop(held)
            if fresh:
                ids = [each.receipt.id for each in fresh]
                idle = max(self.hold - delay, 0.0)
                await self._group.touch(self._streams[partition], ids, idle)
                self._next_check = 0.0 if delay == 0.0 else self._next_check

    async def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Keep messages for another *hold* seconds; only needed without order.

        Raises:
            TransportUnavailableError: the server cannot be reached, or refuses.
        """
        self._enter_process()
        if self.hold is None:
            return
        for partition, held in self._holdings.select(deliveries):
            fresh = self._holdings.held(held)
            if fresh:
                ids = [each.receipt.id for each in fresh]
                begin = monotonic()
                await self._group.touch(self._streams[partition], ids, 0.0)
                self._holdings.extend(fresh, begin)

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those messages that are neither settled, nor given back, nor held for too long."""
        return self._holdings.held(deliveries)

    async def assign(self, partitions: Collection[int]) -> None:
        """Read these partitions from now on; what others hold of them is claimed first."""
        self._enter_process()
        assigned = frozenset(partitions)
        new = assigned if not self._leased else assigned - frozenset(self._assigned)
        kept = {number: each for number, each in self._cursors.items() if number in assigned}
        for number in new:
            await self._group.hold(self._streams[number])
        self._cursors = {**kept, **dict.fromkeys(new, BEGINNING)}
        self._holdings.keep(assigned)
        self._assigned = assigned
        self._leased = True

    async def close(self) -> None:
        """Close the connections, unless the client was given to the source."""
        self._enter_process()
        if self._opened and self.hold is not None:
            with suppress(TransportUnavailableError):  # others get it later then
                await self.release(self._holdings.all())
        self._forget()
        await self._client.close()
