"""A commit of offsets, from its begin until its outcome."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from confluent_kafka import KafkaError


@dataclass
class Commit:
    """A commit of offsets.

    Attributes:
        future: gets its error; None if it has none.
        begun_at: when it began, by the monotonic clock.
        sent: the offsets for which the broker has not answered yet.
        again_at: when to send it again.
        error: the last error.
    """

    future: Future[KafkaError | None]
    begun_at: float
    sent: dict[int, int] | None = None
    again_at: float = 0.0
    error: KafkaError | None = None
