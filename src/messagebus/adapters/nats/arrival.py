"""Messages of JetStream as they arrive, and the deliveries that they become."""

from __future__ import annotations

import json
from typing import NamedTuple

from nats.aio.msg import Msg

from ...inbox.delivery import Delivery
from .pulling import Durable


class Place(NamedTuple):
    """The place of a message.

    Attributes:
        partition: the number of the partition.
        sequence: its position in the stream.
    """

    partition: int
    sequence: int


def delivery_of(durable: Durable, message: Msg) -> Delivery:
    """Return the delivery of a message that comes from a durable consumer."""
    metadata = message.metadata
    sequence = metadata.sequence.stream
    try:
        wire = json.loads(message.data)
    except (ValueError, RecursionError):
        wire = None  # what is no wire message is kept as it is
    return Delivery(
        wire=wire if isinstance(wire, dict) else None,
        body=message.data,
        headers=dict(message.headers or {}),
        origin=f"nats {metadata.stream} {sequence}",
        partition=durable.partition,
        redelivered=(metadata.num_delivered or 1) > 1 or sequence <= durable.delivered,
        receipt=Place(durable.partition, sequence),
    )
