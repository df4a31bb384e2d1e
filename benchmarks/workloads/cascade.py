"""A command that raises many events."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import cascade as waiting
from .._sync import cascade as plain
from ..contender import Case, Contender
from ..peers import cqrs, lato
from .workload import Workload, by_hand, older, ours, peer

SIZES = (10, 1_000, 10_000, 100_000, 200_000)
OLDER_SIZES = (10, 1_000, 10_000, 100_000)  # beyond this, one repetition takes seconds


def size_of(count: int) -> str:
    """Return the label of a number of events."""
    return f"{count:_} events".replace("_", " ")


def _contenders(colour: ModuleType) -> tuple[Contender, ...]:
    return (
        *(
            by_hand(partial(colour.by_hand, count), size=size_of(count), operations=count)
            for count in SIZES
        ),
        *(
            ours(partial(colour.through_the_bus, count), size=size_of(count), operations=count)
            for count in SIZES
        ),
        *(older(size=size_of(count), operations=count) for count in OLDER_SIZES),
    )


_PEERS = (
    peer("lato", partial(lato.cascaded_async, 1_000), size=size_of(1_000), operations=1_000),
    peer("python-cqrs", partial(cqrs.cascaded, 1_000), size=size_of(1_000), operations=1_000),
)

WORKLOAD = Workload(
    name="cascade",
    title="One command that raises N events, each with three listeners",
    text="Time per event, all in one transaction; the events are built beforehand. *By hand* uses "
    "a deque and a dict of handler lists. python-cqrs handles events one after the other here.",
    cases=(
        Case(workload="cascade", colour="async", contenders=(*_contenders(waiting), *_PEERS)),
        Case(
            workload="cascade",
            colour="sync",
            contenders=(
                *_contenders(plain),
                peer("lato", partial(lato.cascaded, 1_000), size=size_of(1_000), operations=1_000),
            ),
        ),
    ),
)
