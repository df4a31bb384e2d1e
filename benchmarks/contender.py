"""Those that do the same work, to be measured in turns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["by hand", "ours", "older", "peer"]
Clock: TypeAlias = Literal["cpu", "wall"]

OURS = "messagebus"
OLDER = "messagebus 0.16.1"
BY_HAND = "by hand"


class Sample(NamedTuple):
    """What some repetitions took, in seconds.

    Attributes:
        cpu: the time of the processor, which interruptions by other processes do not count in.
        wall: the time of the clock on the wall.
    """

    cpu: float
    wall: float


Meter: TypeAlias = Callable[[int], Sample]
"""Does the work that often, and tells how long that took."""

Loop: TypeAlias = Callable[[Iterable[None]], Coroutine[Any, Any, None] | None]
"""Does the work once for each item: the loop is the contender's own, so that no call is added."""

Work: TypeAlias = Callable[[int], Coroutine[Any, Any, None] | None]
"""Does the work that often."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One that does the work of a case.

    Attributes:
        name: who it is.
        meter: prepares everything, and returns what measures it; raises ImportError if the peer
            is not installed. None for the older version, which another process measures.
        size: what the work is done with, where a case has several sizes.
        operations: how many operations one repetition is.
        role: what it is in the comparison.
        thorough: whether it takes so long to prepare that a quick run goes without.
    """

    name: str
    meter: Callable[[], Meter] | None
    size: str = ""
    operations: int = 1
    role: Role = "peer"
    thorough: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """Contenders that are measured in turns, and so can be compared.

    Attributes:
        workload: the name of the workload.
        colour: "async", "sync", or "" if it has none.
        contenders: those that are measured; if there is one by hand, it comes first.
        clock: the time that counts: that of the processor, or, if they wait for a disk or for
            another process, that on the wall.
        patience: how many times more rounds it gets than others; what waits is less steady.
    """

    workload: str
    colour: str
    contenders: tuple[Contender, ...]
    clock: Clock = "cpu"
    patience: int = 1

    def of_this_process(self, size: str) -> Contender:
        """Return the contender that is this package, whichever version of it was imported."""
        return next(each for each in self.contenders if each.role == "ours" and each.size == size)
