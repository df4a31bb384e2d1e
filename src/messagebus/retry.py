"""The schedule of attempts and of the waits between them, for everything that tries again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from ._error_text import errors_in
from ._ranges import ensure_number, ensure_whole
from .exceptions import ConfigurationError, DeadlineExceededError

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


@dataclass(frozen=True)
class Retry:
    """How often a transaction begins again, and after which errors.

    Args:
        attempts: the most attempts, the first one included.
        backoff: the waits between them.
        on: the errors after which it begins again; by default those of which the unit of work
            says that they may pass, such as a serialization failure or a deadlock.

    Raises:
        ConfigurationError: there is no attempt, or *on* names something that is no error.
    """

    attempts: int = 3
    backoff: Backoff = field(default_factory=partial(Backoff, first=0.02, longest=2.0, jitter=1.0))
    on: type[Exception] | tuple[type[Exception], ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no attempts."""
        ensure_whole("attempts", self.attempts)
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        for kind in kinds if self.on is not None else ():
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                text = f"A transaction begins again after a class of exceptions, not after {kind!r}"
                raise ConfigurationError(text, advice="Pass on= a class or a tuple of classes.")

    def covers(self, error: Exception, is_transient: Callable[[BaseException], bool]) -> bool:
        """Tell whether to begin again after an error.

        Args:
            error: the error; of a group, one that is covered is enough.
            is_transient: tells whether an error may pass.
        """
        errors = [*errors_in(error)]
        if any(isinstance(each, DeadlineExceededError) for each in errors):
            return False
        kinds = self.on
        if kinds is None:
            return any(map(is_transient, errors))
        return any(isinstance(each, kinds) for each in errors)
