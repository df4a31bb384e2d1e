"""Consumers between a broker and a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .._async import consuming as waiting
from .._sync import consuming as plain
from ..contender import BY_HAND, OURS, Case, Contender, Role
from ..databases import POSTGRES, SQLITE
from ..jetstream import NatsReader
from ..measuring import Watched, timed_within
from ..readers import KafkaReader, RabbitmqReader
from ..streams import FETCHED, KAFKA, NATS, RABBITMQ, REDIS
from .workload import Workload

FASTSTREAM = "faststream"
KINDS = (POSTGRES, SQLITE)
BATCHES = (1, 100)
COUNTS = {1: 200, 100: 2_000}  # events; more would take seconds when applied one by one
READERS: dict[str, dict[str, Any]] = {
    "async": {
        REDIS: waiting.AsyncRedisReader,
        NATS: NatsReader,
        RABBITMQ: RabbitmqReader,
        KAFKA: KafkaReader,
    },
    "sync": {REDIS: plain.SyncRedisReader},
}
"""What reads each broker by hand, which plain code does with Redis alone."""


def size_of(broker: str, kind: str, batch: int) -> str:
    """Return the label of transactions of some messages between a broker and a database."""
    return f"{broker} and {kind}, {batch} a transaction"


def _by_faststream(*args: Any) -> Watched:
    from ..peers.faststream import by_a_subscriber  # may not be installed

    return by_a_subscriber(*args)


def has_peer(colour: str, broker: str, batch: int) -> bool:
    """Tell whether FastStream does that: it handles no batches of RabbitMQ."""
    return colour == "async" and (broker != RABBITMQ or batch == 1)


def _works(
    colour: str, broker: str, batch: int
) -> Iterator[tuple[str, Role, Callable[..., Watched]]]:
    module: Any = waiting if colour == "async" else plain
    yield BY_HAND, "by hand", partial(module.by_hand, READERS[colour][broker])
    yield OURS, "ours", module.by_the_consumer
    if has_peer(colour, broker, batch):
        yield FASTSTREAM, "peer", _by_faststream


def _case(colour: str) -> Case:
    return Case(
        workload="consuming",
        colour=colour,
        contenders=tuple(
            Contender(
                name=name,
                meter=timed_within(partial(work, broker, kind, batch, COUNTS[batch])),
                size=size_of(broker, kind, batch),
                operations=COUNTS[batch] - batch,
                role=role,
                thorough=kind != POSTGRES,
            )
            for broker in READERS[colour]
            for kind in KINDS
            for batch in BATCHES
            for name, role, work in _works(colour, broker, batch)
        ),
        clock="wall",
    )


WORKLOAD = Workload(
    name="consuming",
    title="From a broker to a database, each message once",
    text="Time per event, from the first commit to the last one. Events are read from a stream "
    f"{FETCHED} at a time, marked in the inbox and applied, one or {BATCHES[-1]} in a transaction, "
    "and acknowledged. *By hand* does the same with the client of the broker and a SQLAlchemy "
    "session, without order, attempts, dead letters or a bus. *faststream* calls a handler with "
    "that same session.",
    cases=(_case("async"), _case("sync")),
)
