"""A performance goal, as a ratio within one run where possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .contender import BY_HAND, OURS
from .run import Run
from .statistics import Spread

Value: TypeAlias = Callable[[Run], Spread | None]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure to reach.

    Attributes:
        workload: the name of the workload.
        text: the comparison, in words.
        limit: the figure to reach.
        unit: the unit of the figure; "×" for a ratio.
        bound: whether the limit is an upper or a lower one.
        value: looks up the figure in a run.
    """

    workload: str
    text: str
    limit: float
    unit: str = "×"
    bound: Literal["at most", "at least"] = "at most"
    value: Value

    @property
    def wanted(self) -> str:
        """The goal as text."""
        return f"{'≤' if self.bound == 'at most' else '≥'} {self.limit:g} {self.unit}"

    def met(self, figure: Spread) -> bool:
        """Return whether the median reaches the goal."""
        median = figure.median
        return median <= self.limit if self.bound == "at most" else median >= self.limit


def ratio(
    workload: str,
    colour: str,
    over: tuple[str, str] = (OURS, ""),
    under: tuple[str, str] = (BY_HAND, ""),
) -> Value:
    """Return a function that looks up the ratio of two contenders, by name and size."""
    return lambda run: run.ratio(workload, colour, over, under)
