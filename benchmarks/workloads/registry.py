"""Buses that know many types of messages."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from .._async import registry as waiting
from .._sync import registry as plain
from ..contender import Case, Contender
from .workload import Workload, by_hand, older, ours

SIZES = (1, 100, 10_000)
REGISTERING = "registering one of 1 000"


def size_of(count: int) -> str:
    """Return the label of a number of types."""
    return f"{count:_} types".replace("_", " ") if count > 1 else "1 type"


def all_of(count: int) -> str:
    """Return the label of dispatching to a number of types in turn."""
    return f"{size_of(count)} in turn"


def _contenders(colour: ModuleType) -> tuple[Contender, ...]:
    most = SIZES[-1]
    return (
        *(by_hand(partial(colour.one_by_hand, count), size=size_of(count)) for count in SIZES),
        *(ours(partial(colour.one_of, count), size=size_of(count)) for count in SIZES),
        *(older(size=size_of(count)) for count in (SIZES[0], most)),
        by_hand(partial(colour.each_by_hand, most), size=all_of(most), operations=most),
        ours(partial(colour.each_of, most), size=all_of(most), operations=most),
        older(size=all_of(most), operations=most),
        ours(partial(colour.registering, 1_000), size=REGISTERING, operations=1_000),
        older(size=REGISTERING, operations=1_000),
    )


WORKLOAD = Workload(
    name="registry",
    title="Dispatch with many registered types",
    text="One type out of N registered types; and all of them in turn: no processor cache holds "
    "10 000 classes, so the same work by hand slows down as well.",
    cases=(
        Case(workload="registry", colour="async", contenders=_contenders(waiting)),
        Case(workload="registry", colour="sync", contenders=_contenders(plain)),
    ),
)
