"""FastStream: handlers of a broker's messages, with an inbox written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from faststream import AckPolicy
from faststream.confluent import KafkaBroker
from faststream.nats import NatsBroker, PullSub
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.redis import RedisBroker, StreamSub

from .._async.consuming import AsyncApplying
from .._async.transactions import new_database_engine
from ..measuring import Watched
from ..readers import PREFETCHED, address_of, wire_of_amqp, wire_of_record
from ..streams import FETCHED, GROUP, KAFKA, NATS, RABBITMQ, REDIS, SESSION, Stream

Subscribed: TypeAlias = tuple[Any, Callable[[Any], Any]]
"""A broker, and the decorator of its handler."""


def _redis(stream: Stream, is_batch: bool) -> Subscribed:
    broker = RedisBroker(stream.server, logger=None)
    reading: Any = StreamSub(
        stream.name,
        group=GROUP,
        consumer="one",
        last_id="0",
        batch=is_batch,
        max_records=FETCHED,
    )
    return broker, broker.subscriber(stream=reading)


def _nats(stream: Stream, is_batch: bool) -> Subscribed:
    # Pulled in batches without being handled as such, they would be handled all at once.
    broker = NatsBroker(stream.server, logger=None)
    pulling: Any = {"pull_sub": PullSub(FETCHED, batch=True), "durable": GROUP}
    options = pulling if is_batch else {}
    return broker, broker.subscriber(f"{stream.name}.>", stream=stream.name, **options)


def _rabbitmq(stream: Stream, _is_batch: bool) -> Subscribed:
    broker = RabbitBroker(
        stream.server, logger=None, default_channel=Channel(prefetch_count=PREFETCHED)
    )
    queue = RabbitQueue(f"{stream.name}.{stream.name}", declare=False)

    async def decode(message: Any) -> Any:
        return wire_of_amqp(message.raw_message)

    return broker, broker.subscriber(queue, decoder=decode)


def _kafka(stream: Stream, is_batch: bool) -> Subscribed:
    settings: Any = {
        "session.timeout.ms": round(SESSION * 1e3),
        "heartbeat.interval.ms": round(SESSION * 1e3 / 3),
    }
    broker = KafkaBroker(address_of(stream.server), logger=None, config=settings)

    async def decode(message: Any) -> Any:
        raw = message.raw_message
        return [wire_of_record(each) for each in raw] if is_batch else wire_of_record(raw)

    options: Any = {"batch": True, "max_records": FETCHED} if is_batch else {}
    return broker, broker.subscriber(
        stream.name,
        group_id=stream.name,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=decode,
        **options,
    )


_SUBSCRIBE: dict[str, Callable[[Stream, bool], Subscribed]] = {
    REDIS: _redis,
    NATS: _nats,
    RABBITMQ: _rabbitmq,
    KAFKA: _kafka,
}


def by_a_subscriber(name: str, kind: str, batch: int, count: int) -> Watched:
    """Let a subscriber apply events, one or a batch in a transaction."""
    engine = new_database_engine(kind)
    applying, stream = AsyncApplying(engine), Stream(name, engine.url, count)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await _apply_all(stream, applying, is_batch=batch > 1)

    return stream.refill, run, stream.duration


async def _apply_all(stream: Stream, applying: AsyncApplying, *, is_batch: bool) -> None:
    broker, subscriber = _SUBSCRIBE[stream.broker](stream, is_batch)
    done = asyncio.Event()

    async def apply(messages: list[dict[str, Any]]) -> None:
        await applying.apply(messages)
        if stream.note(len(messages)):
            done.set()

    async def apply_one(message: dict[str, Any]) -> None:
        await apply([message])

    subscriber(apply if is_batch else apply_one)
    await broker.start()
    await done.wait()
    await broker.stop()
