"""Units of work with many attributes."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import cascade as waiting
from .._sync import cascade as plain
from ..contender import Case, Contender
from .workload import Workload, by_hand, older, ours

EVENTS = 10
ONE = "1 repository"
MANY = "20 repositories and 20 other attributes"


def _contenders(colour: ModuleType) -> tuple[Contender, ...]:
    return (
        by_hand(partial(colour.by_hand, EVENTS)),
        ours(partial(colour.through_the_bus, EVENTS), size=ONE),
        ours(partial(colour.through_a_crowd, EVENTS), size=MANY),
        older(size=ONE),
        older(size=MANY),
    )


WORKLOAD = Workload(
    name="repositories",
    title="A unit of work with many attributes",
    text=f"Time per command. One command raises {EVENTS} events, each with three listeners. After "
    "each listener, the bus collects what the models of the repositories have raised.",
    cases=(
        Case(workload="repositories", colour="async", contenders=_contenders(waiting)),
        Case(workload="repositories", colour="sync", contenders=_contenders(plain)),
    ),
)
