"""What becomes of messages that a relay tries to send."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from ...exceptions import BatchSendError, MessageRejectedError

_LARGEST_EXPONENT = 64


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the next attempt: longer after each, and never shorter than said.

    Args:
        first: the wait after the first failure, in seconds.
        factor: how much longer each wait is than the one before.
        longest: the longest wait, in seconds.
        jitter: the part of a wait by which chance may extend it, so that those who failed
            together do not try again together.
    """

    first: float = 0.2
    factor: float = 2.0
    longest: float = 60.0
    jitter: float = 0.25

    def delay(self, failures: int) -> float:
        """Return how long to wait, in seconds, after so many failures in a row."""
        exponent = min(max(failures, 1) - 1, _LARGEST_EXPONENT)
        delay = min(self.first * self.factor**exponent, self.longest)
        return delay * (1 + random.random() * self.jitter)


@dataclass(frozen=True)
class Batch:
    """What a relay may do next.

    Attributes:
        rows: what to send, in this order; nothing, if it has to wait.
        wait: seconds until the first message may be tried again.
        stuck: the message that could not be sent, and lets no other pass.
        parked: messages that were tried too often to be tried again.
    """

    rows: Sequence[Row[Any]] = ()
    wait: float = 0.0
    stuck: Row[Any] | None = None
    parked: Sequence[Row[Any]] = ()


@dataclass(frozen=True)
class Outcome:
    """What has become of a batch.

    Attributes:
        sent: the positions of what the broker has confirmed.
        failed: the message that was not sent for a reason of its own.
        error: why *failed* was not sent, or, without it, why nothing more could be sent.
    """

    sent: Sequence[int] = ()
    failed: Row[Any] | None = None
    error: BaseException | None = None

    @property
    def is_outage(self) -> bool:
        """Whether the broker could not be reached, which is no fault of any message."""
        return self.error is not None and self.failed is None

    @property
    def is_rejection(self) -> bool:
        """Whether it is of no use to try the message that failed again."""
        return isinstance(self.error, MessageRejectedError)

    @property
    def reason(self) -> str:
        """What went wrong, in one line."""
        error = self.error
        return "" if error is None else " ".join(f"{type(error).__name__}: {error}".split())

    @classmethod
    def of_success(cls, rows: Sequence[Row[Any]]) -> Outcome:
        """Return the outcome of a batch that was sent."""
        return cls([row.position for row in rows])

    @classmethod
    def of_failure(cls, rows: Sequence[Row[Any]], error: Exception) -> Outcome:
        """Return the outcome of a batch that was not, or not wholly, sent.

        A ConnectionError or a TimeoutError, of which *TransportUnavailableError* is one, is
        an outage; everything else is the fault of the message behind those that were sent.
        """
        sent = 0
        cause: BaseException = error
        if isinstance(error, BatchSendError):
            sent = error.sent
            cause = error.__cause__ or error
        if sent >= len(rows):
            return cls.of_success(rows)
        positions = [row.position for row in rows[:sent]]
        if isinstance(cause, (ConnectionError, TimeoutError)):
            return cls(positions, None, cause)
        return cls(positions, rows[sent], cause)
