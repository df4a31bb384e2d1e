"""A histogram of durations, which several threads may observe."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from threading import Lock
from time import perf_counter
from typing import Literal

_BOUNDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 600, 3600)  # seconds


class Histogram:
    """Counts durations by their length.

    Args:
        name: its name, without the prefix.
        text: what it says.
    """

    kind: Literal["histogram"] = "histogram"

    def __init__(self, name: str, text: str) -> None:
        self.name: str = name
        self.text: str = text
        self._lock = Lock()
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, duration: float) -> None:
        """Count a duration, in seconds."""
        bucket = bisect_left(_BOUNDS, duration)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += duration

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Count how long the block takes, also if it fails."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.observe(perf_counter() - begun)

    def samples(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        """Yield the end of the name, the labels and the value of each sample."""
        with self._lock:
            counts, total = [*accumulate(self._counts)], self._sum
        for bound, count in zip((*_BOUNDS, float("inf")), counts, strict=True):
            yield "_bucket", {"le": "+Inf" if bound == float("inf") else f"{bound:g}"}, count
        yield "_sum", {}, total
        yield "_count", {}, counts[-1]
