"""The queues of a consumer: their names, their bindings and their settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from ...exceptions import ConfigurationError, TransportRefusedError
from .._transport.partitions import ensure_partitions
from .errors import text_of

_CONSUMER = re.compile(r"[^\s.*#]+")
_LONGEST = 255  # bytes of a name
_SETTINGS = {
    "x-queue-type": "quorum",
    # Attempts are counted by the consumer. Beyond its limit, the server would drop a message, and
    # from 4.0 on it has one by default. Every version accepts a limit that is never reached.
    "x-delivery-limit": 2**31 - 1,
}
_ACTIVE = {"x-single-active-consumer": True}
_RIGHTS = (
    "A source needs the permissions configure, write and read for its queues, {name!r} and the "
    "like, and read for the exchange."
)


class Queue(NamedTuple):
    """A queue of a consumer.

    Attributes:
        name: its name.
        binding: the pattern of the routing keys that lead to it.
        settings: the arguments with which it is declared.
    """

    name: str
    binding: str
    settings: Mapping[str, Any]


def queues_of(exchange: str, consumer: str, partitions: int, *, ordered: bool) -> Sequence[Queue]:
    """Return the queues of a consumer: one for each partition, or one without order.

    Raises:
        ConfigurationError: a name or the number is not valid.
    """
    ensure_partitions(partitions)
    if not exchange:
        problem = "A source of RabbitMQ needs the name of an exchange"
        raise ConfigurationError(problem)
    if not _CONSUMER.fullmatch(consumer):
        problem = f"{consumer!r} is not a valid name of a consumer of RabbitMQ"
        raise ConfigurationError(problem, advice="Leave out blanks, dots and the signs * and #.")
    name = f"{exchange}.{consumer}"
    if len(f"{name}.{partitions}".encode()) > _LONGEST:
        problem = f"The name of the queue {name!r} is too long; the limit is {_LONGEST} bytes"
        raise ConfigurationError(problem)
    settings = {**_SETTINGS, **_ACTIVE} if ordered else _SETTINGS
    if not ordered or partitions == 1:
        return [Queue(name, "#", settings)]
    return [Queue(f"{name}.{each}", f"#.{each}", settings) for each in range(partitions)]


async def declare(channel: AbstractChannel, queue: Queue, exchange: str) -> None:
    """Ensure that a queue exists as it is wanted, and is bound to an exchange.

    Raises:
        TransportRefusedError: it exists with other settings, or a right is missing.
        aio_pika.exceptions.AMQPError: something else fails.
    """
    try:
        place = await channel.declare_queue(
            queue.name, durable=True, arguments=dict(queue.settings)
        )
        await place.bind(exchange, queue.binding)
    except ChannelPreconditionFailed as error:
        problem = f"The queue {queue.name!r} exists with other settings: {text_of(error)}"
        advice = "Empty and delete it, and let the source declare it; or use another consumer name."
        raise TransportRefusedError(problem, advice=advice) from error
    except ChannelAccessRefused as error:
        raise refused(queue, error) from error


def refused(queue: Queue, error: Exception) -> TransportRefusedError:
    """Return the error of a right that is missing."""
    return TransportRefusedError(
        f"RabbitMQ: {text_of(error)}", advice=_RIGHTS.format(name=queue.name)
    )
