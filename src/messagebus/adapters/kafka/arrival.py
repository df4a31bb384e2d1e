"""Records of Kafka as they arrive, and the deliveries that they become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from ...inbox.delivery import Delivery, Position
from .encoding import decode


class Place(NamedTuple):
    """The place of a record.

    Attributes:
        partition: the number of the partition.
        offset: its position in the partition.
    """

    partition: int
    offset: int


def read(topic: str, messages: Iterable[Message]) -> tuple[Sequence[Delivery], KafkaError | None]:
    """Return the deliveries of records, and the last error that came instead of one."""
    found: list[Delivery] = []
    problem: KafkaError | None = None
    for message in messages:
        error = message.error()
        if error is None:
            place = Place(message.partition() or 0, message.offset() or 0)
            found.append(_delivery_of(topic, place, message))
        elif error.code() != KafkaError._MAX_POLL_EXCEEDED:  # the group changes, no more
            problem = error
    return found, problem


def _delivery_of(topic: str, place: Place, message: Message) -> Delivery:
    """Return the delivery of a record.

    Kafka does not tell whether it was delivered before.
    """
    log = f"kafka {topic} {place.partition}"
    value: Any = message.value()
    headers: Any = message.headers() or []
    wire: Mapping[str, Any] | None = None
    with suppress(ValueError, RecursionError):
        wire = decode(value, headers)
    return Delivery(
        wire=wire,
        body=value or b"",
        headers={
            name: content.decode("utf-8", "backslashreplace")
            for name, content in headers
            if content is not None
        },
        origin=f"{log} {place.offset}",
        partition=place.partition,
        receipt=place,
        position=Position(log, place.offset),
    )
