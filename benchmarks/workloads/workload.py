"""What a workload consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..contender import BY_HAND, OLDER, OURS, Case, Contender, Loop
from ..measuring import timed
from ..older import Versions
from ..run import Reading


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Something that the package is used for.

    Attributes:
        name: what it is called in the figures.
        title: what it is called for readers.
        text: what is done, and what one operation is.
        cases: what is measured in turns.
        readings: reads what is no time; takes the versions, and whether to be quick.
    """

    name: str
    title: str
    text: str
    cases: tuple[Case, ...]
    readings: Callable[[Versions, bool], list[Reading]] | None = None


def by_hand(
    loop: Callable[[], Loop], *, name: str = BY_HAND, size: str = "", operations: int = 1
) -> Contender:
    """Return the contender that does without a library."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations, role="by hand")


def ours(
    loop: Callable[[], Loop], *, name: str = OURS, size: str = "", operations: int = 1
) -> Contender:
    """Return the contender that is this package."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations, role="ours")


def older(*, size: str = "", operations: int = 1) -> Contender:
    """Return the contender that is the older version; it runs what `ours` runs of that size."""
    return Contender(name=OLDER, meter=None, size=size, operations=operations, role="older")


def peer(name: str, loop: Callable[[], Loop], *, size: str = "", operations: int = 1) -> Contender:
    """Return the contender that is another library."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations)
