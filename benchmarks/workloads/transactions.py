"""Transactions on a database."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import transactions as waiting
from .._sync import transactions as plain
from ..contender import Case, Contender
from ..databases import POSTGRES, SQLITE
from .workload import Workload, by_hand, ours

KINDS = (SQLITE, POSTGRES)
EVENTS = (1, 10, 100)


def size_of(kind: str, count: int) -> str:
    """Return the label of a number of events on a database."""
    return f"{kind}, {count} event{'s' if count > 1 else ''}"


def _contenders(colour: ModuleType) -> tuple[Contender, ...]:
    return tuple(
        contender
        for kind in KINDS
        for count in EVENTS
        for contender in (
            by_hand(partial(colour.by_hand, kind, count), size=size_of(kind, count)),
            ours(partial(colour.through_the_bus, kind, count), size=size_of(kind, count)),
        )
    )


WORKLOAD = Workload(
    name="transactions",
    title="A transaction with a command, a row that it writes, and published events",
    text="Time per transaction. The messages are created, handled, and stored with the row, by a "
    "SQLAlchemy unit of work. *By hand* runs the same two inserts with SQLAlchemy Core, all "
    "messages in one statement: plain dicts as rows, no bus, no session, no message class. SQLite "
    "and PostgreSQL wait for the disk at each commit.",
    cases=(
        Case(
            workload="transactions",
            colour="async",
            contenders=_contenders(waiting),
            clock="wall",
            patience=5,
        ),
        Case(
            workload="transactions",
            colour="sync",
            contenders=_contenders(plain),
            clock="wall",
            patience=5,
        ),
    ),
)
