"""Relays between a database and a broker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from .._async import relaying as waiting
from .._sync import relaying as plain
from ..contender import BY_HAND, OURS, Case, Contender, Role
from ..databases import nats, redis
from ..jetstream import to_nats
from ..measuring import Prepared, timed_each
from .workload import Workload

BATCH = 100
MANY, FEW = 5_000, 200  # events; more would take seconds when sent one by one
REDIS, NATS = "Redis", "NATS"
KINDS = {"async": (REDIS, NATS), "sync": (REDIS,)}


def size_of(broker: str, batch: int) -> str:
    """Return the label of batches to a broker."""
    return f"{broker}, batches of {batch}" if batch > 1 else f"{broker}, one by one"


def redis_url() -> str:
    """Return the URL of the stream in Redis."""
    return f"{redis()}?stream=events&create=true"


def nats_url() -> str:
    """Return the URL of the stream in NATS."""
    return f"{nats()}?stream=EVENTS&subject=events.{{name}}&create=true"


def _contender(
    role: Role, broker: str, batch: int, empty: Callable[[Any, int, int], Prepared], target: Any
) -> Contender:
    count = MANY if batch > 1 else FEW
    return Contender(
        name=BY_HAND if role == "by hand" else OURS,
        meter=timed_each(partial(empty, target, batch, count)),
        size=size_of(broker, batch),
        operations=count,
        role=role,
    )


def _case(colour: str, module: ModuleType) -> Case:
    by_hand = {REDIS: module.to_redis, NATS: to_nats}
    urls = {REDIS: redis_url, NATS: nats_url}
    return Case(
        workload="relaying",
        colour=colour,
        contenders=tuple(
            contender
            for broker in KINDS[colour]
            for batch in (BATCH, 1)
            for contender in (
                _contender("by hand", broker, batch, module.by_hand, by_hand[broker]),
                _contender("ours", broker, batch, module.by_the_relay, urls[broker]),
            )
        ),
        clock="wall",
        patience=2,
    )


WORKLOAD = Workload(
    name="relaying",
    title="From the outbox to a broker",
    text="Time per event. Events are claimed from PostgreSQL, sent, confirmed and marked until "
    "none is left. *By hand* is one transaction for each batch, with psycopg, `SKIP LOCKED` and "
    "the client of the broker. It has no lease, so a relay that was frozen or killed does harm; "
    "for Redis it has no deduplication, which the package does with a script in the server.",
    cases=(_case("async", waiting), _case("sync", plain)),
)
