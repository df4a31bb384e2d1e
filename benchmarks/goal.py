"""A goal: how fast the package has to be, as a ratio within one run where that is possible."""

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
    """Something to be reached.

    Attributes:
        workload: the name of the workload.
        text: what is compared with what.
        limit: the figure that has to be reached.
        unit: the unit of the figure; "×" for a ratio.
        bound: whether it is at most or at least the limit.
        value: finds the figure in a run.
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
        """Tell whether the median reaches the goal."""
        median = figure.median
        return median <= self.limit if self.bound == "at most" else median >= self.limit


def ratio(
    workload: str,
    colour: str,
    over: tuple[str, str] = (OURS, ""),
    under: tuple[str, str] = (BY_HAND, ""),
) -> Value:
    """Find how many times longer one contender takes than another, each by name and size."""
    return lambda run: run.ratio(workload, colour, over, under)
