"""A business transaction through a session, beside the driver alone."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import transactions as waiting
from .._sync import transactions as plain
from ..contender import Case, Contender
from ..databases import POSTGRES
from .workload import Workload, by_hand, ours, peer

EVENTS = (1, 10)
DRIVER = "psycopg by hand"


def size_of(count: int) -> str:
    """Return the label of a number of events."""
    return f"{count} event{'s' if count > 1 else ''}"


def _contenders(colour: ModuleType) -> tuple[Contender, ...]:
    return tuple(
        contender
        for count in EVENTS
        for contender in (
            by_hand(partial(colour.through_a_session, count), size=size_of(count)),
            ours(partial(colour.through_the_bus, POSTGRES, count), size=size_of(count)),
            peer(DRIVER, partial(colour.through_the_driver, count), size=size_of(count)),
        )
    )


def _case(colour: str, module: ModuleType) -> Case:
    return Case(
        workload="business",
        colour=colour,
        contenders=_contenders(module),
        clock="wall",
        patience=5,
    )


WORKLOAD = Workload(
    name="business",
    title="A business transaction through a session",
    text="Time per transaction, on PostgreSQL: a command that writes a row and publishes events. "
    "*By hand* executes the two inserts, the command among the messages, through a session of "
    "SQLAlchemy, the messages as an array for each column (`unnest`). *psycopg by hand* executes "
    "the same without SQLAlchemy.",
    cases=(_case("async", waiting), _case("sync", plain)),
)
