"""What has become of the lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a line.

    Attributes:
        number: the number of the line, counted from 1.
        command: the name of the command; None if the line did not tell.
        reason: why it was rejected; None if it was accepted.
        handled_before: whether that was so before this run, which has done nothing about it.
    """

    number: int
    command: str | None
    reason: str | None = None
    handled_before: bool = False


@dataclass(slots=True)
class Tally:
    """How many lines a run has come across.

    Attributes:
        lines: all that are not blank.
        rejected: those that were rejected, in this run or before.
        handled_before: those that this run did not have to handle.
    """

    lines: int = 0
    rejected: int = 0
    handled_before: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.lines += 1
        self.rejected += outcome.reason is not None
        self.handled_before += outcome.handled_before
