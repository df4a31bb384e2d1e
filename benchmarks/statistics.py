"""Medians and quartiles, which a few disturbed measurements do not move."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """The median of some figures and their quartiles."""

    low: float
    median: float
    high: float

    @property
    def relative(self) -> float:
        """The distance of the quartiles as a fraction of the median, a measure of instability."""
        return (self.high - self.low) / self.median if self.median else 0.0


def spread(figures: Sequence[float]) -> Spread:
    """Return the median and the quartiles of some figures."""
    if len(figures) < 2:
        return Spread(figures[0], figures[0], figures[0])
    return Spread(*statistics.quantiles(figures, n=4, method="inclusive"))


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Divide figures round by round, since a disturbance slows down both of a round."""
    return [one / other for one, other in zip(over, under, strict=True)]
