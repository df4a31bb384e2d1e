"""Messages of RabbitMQ as they arrive, and the deliveries that they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aio_pika.abc import AbstractIncomingMessage

from ...inbox.delivery import Delivery
from .._transport.encoding import string_of
from .encoding import decode

_PROPERTIES = (
    "message_id",
    "type",
    "correlation_id",
    "content_type",
    "content_encoding",
    "reply_to",
    "app_id",
    "user_id",
    "routing_key",
)


class Place(NamedTuple):
    """The place of a message.

    Attributes:
        number: counts what has arrived at a source, so that no two places are equal.
        partition: the number of the partition.
        tag: the number by which the channel settles the message.
    """

    number: int
    partition: int
    tag: int


def delivery_of(place: Place, queue: str, message: AbstractIncomingMessage) -> Delivery:
    """Return the delivery of a message that comes from a queue."""
    wire: Mapping[str, Any] | None
    try:
        wire = decode(message)
    except (ValueError, RecursionError):
        wire = None  # what is no wire message is kept as it is
    found = {name: getattr(message, name) for name in _PROPERTIES}
    properties = {name: value for name, value in found.items() if value is not None}
    return Delivery(
        wire=wire,
        body=message.body,
        headers={name: _text(value) for name, value in {**properties, **message.headers}.items()},
        origin=" ".join(["rabbitmq", queue, *filter(None, [message.message_id])]),
        partition=place.partition,
        redelivered=bool(message.redelivered),
        receipt=place,
    )


def _text(value: object) -> str:
    """Return the text of a header, which another sender may have given any type."""
    try:
        return string_of(value)
    except (TypeError, ValueError):
        return str(value)
