"""Medians and quartiles: a few measurements that were disturbed do not move them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Where most of some figures lie."""

    low: float
    median: float
    high: float

    @property
    def relative(self) -> float:
        """The distance of the quartiles, as a part of the median: how unstable the figures are."""
        return (self.high - self.low) / self.median if self.median else 0.0


def spread(figures: Sequence[float]) -> Spread:
    """Return the median of some figures, between their quartiles."""
    if len(figures) < 2:
        return Spread(figures[0], figures[0], figures[0])
    return Spread(*statistics.quantiles(figures, n=4, method="inclusive"))


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Divide figures of the same rounds: what made a round slow has slowed down both."""
    return [one / other for one, other in zip(over, under, strict=True)]
