"""Contenders, which do the same work and are measured in turns."""

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
    """The duration of some repetitions, in seconds.

    Attributes:
        cpu: the processor time, which leaves out interruptions by other processes.
        wall: the wall-clock time.
    """

    cpu: float
    wall: float


Meter: TypeAlias = Callable[[int], Sample]
"""Repeats the work a number of times, and returns the duration."""

Loop: TypeAlias = Callable[[Iterable[None]], Coroutine[Any, Any, None] | None]
"""Does the work once for each item. The contender owns the loop, so that no call is added."""

Work: TypeAlias = Callable[[int], Coroutine[Any, Any, None] | None]
"""Repeats the work a number of times."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One implementation of the work of a case.

    Attributes:
        name: its name in the figures.
        meter: prepares everything, and returns the measuring function; raises ImportError if the
            peer is not installed. None for the older version, which another process measures.
        size: the size of the work, where a case has several.
        operations: the number of operations in one repetition.
        role: its role in the comparison.
        thorough: whether to leave it out of a quick run, because it takes long to prepare.
    """

    name: str
    meter: Callable[[], Meter] | None
    size: str = ""
    operations: int = 1
    role: Role = "peer"
    thorough: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """Contenders that are measured in turns, so that they can be compared.

    Attributes:
        workload: the name of the workload.
        colour: "async", "sync", or "" for neither.
        contenders: the contenders; the work by hand, if there is one, comes first.
        clock: the time that counts: processor time, or wall-clock time for work that waits for a
            disk or for another process.
        patience: the factor by which it gets more rounds; work that waits is less steady.
    """

    workload: str
    colour: str
    contenders: tuple[Contender, ...]
    clock: Clock = "cpu"
    patience: int = 1

    def of_this_process(self, size: str) -> Contender:
        """Return the contender of the imported version of this package."""
        return next(each for each in self.contenders if each.role == "ours" and each.size == size)
