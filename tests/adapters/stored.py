"""Reads the content of brokers without the adapters, in tests of either colour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import aio_pika
import nats
import redis
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

T = TypeVar("T")

LONGEST = 20.0  # seconds


def in_redis(url: str) -> Any:
    """Return a client that returns strings; it must be closed."""
    client: Any = redis.Redis
    return client.from_url(url, decode_responses=True)


def entries(url: str, stream: str) -> list[dict[str, str]]:
    """Return the fields of each entry of a Redis stream."""
    with in_redis(url) as client:
        return [fields for _, fields in client.xrange(stream)]


def letters(url: str, stream: str) -> list[Msg]:
    """Return the messages of a JetStream stream; none if there is no stream."""
    return on_nats(url, lambda jetstream: _letters(jetstream, stream))


def documents(url: str, stream: str) -> list[dict[str, Any]]:
    """Return the documents in the messages of a JetStream stream."""
    return [json.loads(letter.data) for letter in letters(url, stream)]


def create_stream(url: str, name: str, **settings: Any) -> None:
    """Create a JetStream stream for one kind of messages, or as the settings say."""
    settings = {"subjects": [f"{name}.parcel_sent"], **settings}
    on_nats(url, lambda jetstream: jetstream.add_stream(name=name, **settings))


def on_nats(url: str, task: Callable[[JetStreamContext], Coroutine[Any, Any, T]]) -> T:
    """Run a task with JetStream in a thread, since a loop may be running in this one."""

    async def connected() -> T:
        async with await nats.connect(url) as client:
            return await task(client.jetstream())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, connected()).result()


async def _letters(jetstream: JetStreamContext, stream: str) -> list[Msg]:
    try:
        count = (await jetstream.stream_info(stream)).state.messages
    except NotFoundError:
        return []
    config = ConsumerConfig(ack_policy=AckPolicy.NONE)
    consumer = await jetstream.pull_subscribe(">", stream=stream, config=config)
    found: list[Msg] = []
    while len(found) < count:
        found += await consumer.fetch(min(500, count - len(found)), timeout=60)
    return found


def on_rabbitmq(url: str, task: Callable[[AbstractChannel], Coroutine[Any, Any, T]]) -> T:
    """Run a task with a channel of RabbitMQ in a thread."""

    async def connected() -> T:
        async with await aio_pika.connect(url) as connection:
            return await task(await connection.channel())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, connected()).result()


def bind_queue(url: str, exchange: str, key: str = "#", **arguments: Any) -> None:
    """Declare an exchange, and a quorum queue of its name that is bound to it."""

    async def bind(channel: AbstractChannel) -> None:
        source = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        arguments["x-queue-type"] = "quorum"
        queue = await channel.declare_queue(exchange, durable=True, arguments=arguments)
        await queue.bind(source, key)

    on_rabbitmq(url, bind)


def publish(url: str, exchange: str, key: str, message: aio_pika.Message) -> None:
    """Publish a message of AMQP."""

    async def publish(channel: AbstractChannel) -> None:
        await (await channel.get_exchange(exchange)).publish(message, key)

    on_rabbitmq(url, publish)


def queued(url: str, queue: str) -> list[AbstractIncomingMessage]:
    """Return the messages of a queue, in order, and leave them there.

    A consumer reads them: to get each by itself costs a quorum queue an entry in its log.
    """

    async def read(channel: AbstractChannel) -> list[AbstractIncomingMessage]:
        found: list[AbstractIncomingMessage] = []
        place = await channel.declare_queue(queue, passive=True)
        count = place.declaration_result.message_count or 0
        if count:
            await channel.set_qos(prefetch_count=count)
            async with asyncio.timeout(LONGEST), place.iterator() as messages:
                while len(found) < count:
                    found.append(await anext(messages))
        return found  # a channel that is closed gives back what is not acknowledged

    return on_rabbitmq(url, read)
