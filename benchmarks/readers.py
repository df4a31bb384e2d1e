"""Reading RabbitMQ and Kafka with their clients alone, in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aio_pika

from .measuring import at_the_end
from .streams import FETCHED, SESSION

PREFETCHED = 2 * FETCHED


def address_of(server: str) -> str:
    """Return the address of a broker for Kafka's clients."""
    return server.removeprefix("kafka://")


def wire_of_amqp(message: Any) -> dict[str, str]:
    """Return what is needed of a message of RabbitMQ."""
    return {"id": message.message_id, "payload": message.body.decode()}


def wire_of_record(record: Any) -> dict[str, str]:
    """Return what is needed of a record of Kafka."""
    return {"id": dict(record.headers())["id"].decode(), "payload": record.value().decode()}


class RabbitmqReader:
    """Reads the queue that a source has declared.

    Args:
        server: the URL of the server.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._connection: Any = None
        self._channel: Any = None
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()

    async def open(self, stream: str) -> None:
        """Begin to read a queue."""
        if self._connection is None:
            self._connection = await aio_pika.connect(self._server)
            at_the_end(self._connection.close)
        if self._channel is not None:
            await self._channel.close()
        self._channel = await self._connection.channel()
        await self._channel.set_qos(prefetch_count=PREFETCHED)
        queue = await self._channel.get_queue(f"{stream}.{stream}")
        await queue.consume(self._arrived.put)

    async def read(self) -> Sequence[tuple[Any, Mapping[str, str]]]:
        """Return messages, each with what settles it."""
        found = [await self._arrived.get() for _ in range(FETCHED)]
        return [(message, wire_of_amqp(message)) for message in found]

    async def settle(self, receipts: Sequence[Any]) -> None:
        """Settle messages."""
        await receipts[-1].ack(multiple=True)


class KafkaReader:
    """Reads a topic as the only member of a group.

    Args:
        server: the URL of the server.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._consumer: Any = None

    async def open(self, stream: str) -> None:
        """Begin to read a topic."""
        from confluent_kafka import Consumer  # not on every version of Python

        if self._consumer is None:
            at_the_end(self._close)
        else:
            await self._close()
        self._consumer = Consumer(
            {
                "bootstrap.servers": address_of(self._server),
                "group.id": stream,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": round(SESSION * 1e3),
                "heartbeat.interval.ms": round(SESSION * 1e3 / 3),
            }
        )
        self._consumer.subscribe([stream])

    async def read(self) -> Sequence[tuple[Any, Mapping[str, str]]]:
        """Return records, each with what settles it."""
        found: list[Any] = []
        while not found:
            found = await asyncio.to_thread(self._consumer.consume, FETCHED, 1.0)
        return [(record, wire_of_record(record)) for record in found]

    async def settle(self, receipts: Sequence[Any]) -> None:
        """Settle records."""
        await asyncio.to_thread(self._consumer.commit, message=receipts[-1], asynchronous=False)

    async def _close(self) -> None:
        await asyncio.to_thread(self._consumer.close)
