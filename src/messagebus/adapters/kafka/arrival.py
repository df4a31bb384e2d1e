"""Records of Kafka as they arrive, and the deliveries that they become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


class Arrival(NamedTuple):
    """A record that has arrived, which nobody has read yet.

    Attributes:
        place: its place.
        message: the record.
    """

    place: Place
    message: Message


def sort(messages: Iterable[Message]) -> tuple[Sequence[Arrival], KafkaError | None]:
    """Return the records among what has arrived, and the last error that came instead of one."""
    found: list[Arrival] = []
    problem: KafkaError | None = None
    for message in messages:
        error = message.error()
        if error is None:
            place = Place(message.partition() or 0, message.offset() or 0)
            found.append(Arrival(place, message))
        elif error.code() != KafkaError._MAX_POLL_EXCEEDED:  # the group changes, no more
            problem = error
    return found, problem


def read(topic: str, arrival: Arrival) -> Delivery:
    """Return the delivery of a record.

    Kafka does not tell whether it was delivered before.
    """
    place, message = arrival
    partition, offset = place
    log = f"kafka {topic} {partition}"
    value: Any = message.value()
    raw: Any = message.headers() or ()
    wire: Mapping[str, Any] | None
    try:
        wire = decode(value, raw)
    except (ValueError, RecursionError):
        wire = None  # what is no wire message is kept as it is
    if wire is not None and len(wire) == len(raw) + (value is not None):
        # Each header is in it under its name, as a text.
        headers = {name: wire[name] for name, content in raw if content is not None}
    else:
        headers = {
            name: content.decode("utf-8", "backslashreplace")
            for name, content in raw
            if content is not None
        }
    return Delivery(
        wire=wire,
        body=value or b"",
        headers=headers,
        origin=f"{log} {offset}",
        partition=partition,
        receipt=place,
        position=Position(log, offset),
    )
