"""The schedule of waits between attempts, shared by everything that tries again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from ._ranges import ensure_number

_LARGEST_EXPONENT = 64


@dataclass(frozen=True)
class Backoff:
    """Waits that grow from attempt to attempt.

    Args:
        first: the wait after the first failure, in seconds.
        factor: how many times longer each wait is than the one before; at least 1.
        longest: the longest wait, in seconds, before jitter.
        jitter: the largest random extension of a wait, as a fraction of it, from 0 to 1. It keeps
            clients that failed together from trying again together, and never shortens a wait.

    Raises:
        ConfigurationError: a number is not in its range; a wait has at most a hundred years.
    """

    first: float = 0.2
    factor: float = 2.0
    longest: float = 60.0
    jitter: float = 0.25

    def __post_init__(self) -> None:
        """Refuse numbers that make no schedule."""
        ensure_number("first", self.first)
        # The largest power of a larger factor would overflow.
        ensure_number("factor", self.factor, least=1.0, most=1_000.0)
        ensure_number("longest", self.longest)
        ensure_number("jitter", self.jitter, most=1.0)

    def delay(self, failures: int) -> float:
        """Return the wait after *failures* failures in a row, in seconds."""
        exponent = min(max(failures, 1) - 1, _LARGEST_EXPONENT)
        delay = min(self.first * self.factor**exponent, self.longest)
        return delay * (1 + random.random() * self.jitter)

    def delays(self, patience: float) -> Iterator[float]:
        """Yield the wait before each further attempt, until *patience* seconds have passed."""
        deadline = monotonic() + patience
        failures = 0
        while (left := deadline - monotonic()) > 0:
            failures += 1
            yield min(left, self.delay(failures))
