"""The queues that a connection reads, each on a channel of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from aio_pika import IncomingMessage
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused

from ...exceptions import TransportUnavailableError
from .connection import Connection
from .queues import Queue, refused


class Subscription:
    """A queue that is read.

    Attributes:
        partition: the number of its partition.
        queue: the queue.
        channel: closed, it gives back what is not settled, and in order.
    """

    def __init__(self, partition: int, queue: Queue, channel: AbstractChannel) -> None:
        self.partition: int = partition
        self.queue: Queue = queue
        self.channel: AbstractChannel = channel
        self._unsettled: dict[int, None] = {}  # in order

    def note(self, tag: int) -> None:
        """Note that a message has arrived."""
        self._unsettled[tag] = None

    def answers(self, tags: Collection[int]) -> list[tuple[int, bool]]:
        """Return the tags that settle messages, each with whether it counts for all before it."""
        done = sorted(tags)
        for tag in done:
            self._unsettled.pop(tag, None)
        floor = next(iter(self._unsettled), None)
        first = [tag for tag in done if floor is None or tag < floor]
        return [(tag, True) for tag in first[-1:]] + [(tag, False) for tag in done[len(first) :]]


class Subscriptions:
    """The queues that a connection reads, and what has come of them.

    Args:
        connection: the connection.
        queues: the queues, by the numbers of their partitions.
        prefetch: the most messages of each that the server sends before they are settled.
    """

    def __init__(self, connection: Connection, queues: Sequence[Queue], prefetch: int) -> None:
        self.arrived: deque[tuple[Subscription, AbstractIncomingMessage]] = deque()
        self._connection = connection
        self._queues = queues
        self._prefetch = prefetch
        self._read: Mapping[int, Subscription] = {}

    def reads(self, subscription: Subscription) -> bool:
        """Tell whether a queue is still read."""
        return self._read.get(subscription.partition) is subscription

    async def read(self, partitions: Collection[int]) -> None:
        """Read the queues of these partitions, and no others.

        Raises:
            TransportRefusedError: a right is missing.
            aio_pika.exceptions.AMQPError: the connection is lost, or a queue is gone.
        """
        for partition in self._read.keys() - set(partitions):
            gone = self._read[partition]
            self._read = {key: each for key, each in self._read.items() if each is not gone}
            await self._connection.call(self._connection.close_channel(gone.channel))
        for partition in sorted(set(partitions) - self._read.keys()):
            await self._connection.call(self._open(partition))

    async def _open(self, partition: int) -> None:
        queue = self._queues[partition]
        channel = await self._connection.open_channel()
        await channel.set_qos(self._prefetch)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(partial(self._cancelled, queue))
        subscription = Subscription(partition, queue, channel)
        self._read = {**self._read, partition: subscription}
        try:
            await underlay.basic_consume(queue.name, partial(self._receive, subscription))
        except ChannelAccessRefused as error:
            raise refused(queue, error) from error

    async def _receive(self, subscription: Subscription, message: DeliveredMessage) -> None:
        self.arrived.append((subscription, IncomingMessage(message)))
        self._connection.event.set()

    def _cancelled(self, queue: Queue, _: object) -> None:
        problem = f"RabbitMQ sends no more messages of the queue {queue.name!r}"
        advice = "It was deleted, or its replicas have moved. The source connects again."
        self._connection.lose(None, TransportUnavailableError(problem, advice=advice))

    async def wait(self, seconds: float) -> None:
        """Wait until something has arrived, or the connection is lost."""
        if not self.arrived and self._connection.usable:
            self._connection.event.clear()
            try:
                async with asyncio.timeout(max(seconds, 0.0)):
                    await self._connection.event.wait()
            except TimeoutError:
                return

    async def settle(self, partition: int, tags: Collection[int], *, done: bool) -> None:
        """Acknowledge messages, or let the server deliver them again, to anybody.

        Returns once the server has noted it.

        Raises:
            aio_pika.exceptions.AMQPError: the connection is lost.
            OSError: there is no answer in time.
        """
        await self._connection.call(self._settle(self._read[partition], tags, done=done))

    async def _settle(
        self, subscription: Subscription, tags: Collection[int], *, done: bool
    ) -> None:
        underlay = await subscription.channel.get_underlay_channel()
        for tag, multiple in subscription.answers(tags):
            if done:
                await underlay.basic_ack(tag, multiple=multiple, wait=False)
            else:
                await underlay.basic_nack(tag, multiple=multiple, wait=False)
        # The server says nothing to that. It works in turn, and answers what comes next.
        await underlay.basic_qos(prefetch_count=self._prefetch)
