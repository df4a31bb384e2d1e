"""The batches that a relay sends, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from ...exceptions import BatchSendError, MessageRejectedError


class LeaseLostError(Exception):
    """Another relay leads, or may lead: this one must send nothing and write nothing."""


@dataclass(frozen=True)
class Batch:
    """The next messages to send.

    Attributes:
        rows: the messages in order; none if the relay must wait.
        wait: the time until the first message may be tried again, in seconds.
        parked: the messages that were parked because they have no attempts left.
    """

    rows: Sequence[Row[Any]] = ()
    wait: float = 0.0
    parked: Sequence[Row[Any]] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to send, to wait for or to park."""
        return not self.rows and not self.wait and not self.parked


@dataclass(frozen=True)
class Outcome:
    """The outcome of a batch.

    Attributes:
        sent: the positions of the messages that the broker has confirmed.
        failed: the message that failed through its own fault; None if there is none.
        error: the error of *failed*, or, without one, of the broker; None if all were sent.
    """

    sent: Sequence[int] = ()
    failed: Row[Any] | None = None
    error: BaseException | None = None

    @property
    def is_rejection(self) -> bool:
        """Whether trying the failed message again is useless."""
        return isinstance(self.error, MessageRejectedError)

    @property
    def reason(self) -> str:
        """The error of a batch that failed, on one line."""
        return " ".join(f"{type(self.error).__name__}: {self.error}".split())

    @classmethod
    def of_failure(cls, rows: Sequence[Row[Any]], error: Exception) -> Outcome:
        """Return the outcome of a batch that was not sent, or not completely.

        This is where errors are sorted. A ConnectionError or a TimeoutError, and thus a
        *TransportUnavailableError*, is an outage of the broker: the relay tries again for as long
        as it lasts. Any other error is the fault of the first message that was not sent.
        """
        sent = 0
        cause: BaseException = error
        if isinstance(error, BatchSendError):
            sent = error.sent
            cause = error.__cause__ or error
        positions = [row.position for row in rows[:sent]]
        if sent >= len(rows):
            return cls(positions)
        is_outage = isinstance(cause, (ConnectionError, TimeoutError))
        return cls(positions, None if is_outage else rows[sent], cause)
