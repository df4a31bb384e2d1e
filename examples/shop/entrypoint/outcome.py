"""What has become of the lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a line.

    Attributes:
        number: the number of the line, counted from 1.
        command: the name of the command; None if the line did not tell.
        reason: why it was rejected; None if it was accepted.
    """

    number: int
    command: str | None
    reason: str | None = None


@dataclass(slots=True)
class Tally:
    """How many lines were accepted and rejected, by command."""

    accepted: Counter[str | None] = field(default_factory=Counter)
    rejected: Counter[str | None] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        counter = self.accepted if outcome.reason is None else self.rejected
        counter[outcome.command] += 1
