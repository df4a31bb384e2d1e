"""Consumers between a broker and a database."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import consuming as waiting
from .._sync import consuming as plain
from ..contender import BY_HAND, OURS, Case, Contender
from ..databases import POSTGRES, SQLITE
from ..measuring import timed_each
from .workload import Workload

KINDS = (POSTGRES, SQLITE)
BATCHES = (1, 100)
COUNTS = {1: 500, 100: 5_000}  # events; more would take seconds when applied one by one


def size_of(kind: str, batch: int) -> str:
    """Return the label of transactions of some messages on a database."""
    return f"Redis and {kind}, {batch} a transaction"


def _contenders(module: ModuleType) -> tuple[Contender, ...]:
    return tuple(
        Contender(
            name=name,
            meter=timed_each(partial(work, kind, batch, COUNTS[batch])),
            size=size_of(kind, batch),
            operations=COUNTS[batch],
            role="by hand" if name == BY_HAND else "ours",
        )
        for kind in KINDS
        for batch in BATCHES
        for name, work in ((BY_HAND, module.by_hand), (OURS, module.by_the_consumer))
    )


WORKLOAD = Workload(
    name="consuming",
    title="From a broker to a database, each message once",
    text="Time per event. Events are read from a Redis stream in batches of 100, marked in the "
    "inbox and applied, one or 100 in a transaction, and acknowledged. *By hand* does the same "
    "with the client of Redis and a SQLAlchemy session, without order, attempts, dead letters or "
    "a bus.",
    cases=tuple(
        Case(
            workload="consuming",
            colour=colour,
            contenders=_contenders(module),
            clock="wall",
            patience=2,
        )
        for colour, module in (("async", waiting), ("sync", plain))
    ),
)
