"""The definition of a workload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..contender import BY_HAND, OLDER, OURS, Case, Contender, Loop
from ..measuring import timed
from ..older import Versions
from ..run import Reading


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A use of the package to measure.

    Attributes:
        name: its name in the figures.
        title: its title for readers.
        text: the work, and what one operation is.
        cases: the cases, whose contenders are measured in turns.
        readings: reads figures other than times; takes the versions and whether to be quick.
    """

    name: str
    title: str
    text: str
    cases: tuple[Case, ...]
    readings: Callable[[Versions, bool], list[Reading]] | None = None


def by_hand(
    loop: Callable[[], Loop], *, name: str = BY_HAND, size: str = "", operations: int = 1
) -> Contender:
    """Return the contender that works without a library."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations, role="by hand")


def ours(
    loop: Callable[[], Loop], *, name: str = OURS, size: str = "", operations: int = 1
) -> Contender:
    """Return this package as a contender."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations, role="ours")


def older(*, size: str = "", operations: int = 1) -> Contender:
    """Return the older version as a contender, with the work of `ours` of that size."""
    return Contender(name=OLDER, meter=None, size=size, operations=operations, role="older")


def peer(name: str, loop: Callable[[], Loop], *, size: str = "", operations: int = 1) -> Contender:
    """Return another library as a contender."""
    return Contender(name=name, meter=timed(loop), size=size, operations=operations)
