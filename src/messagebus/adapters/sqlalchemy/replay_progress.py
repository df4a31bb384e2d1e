"""The progress of a replay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay has come with its last commit.

    Attributes:
        position: the position in the store up to which everything is applied.
        until: the last position of this run.
        applied: how many messages this run has applied.
    """

    position: int
    until: int
    applied: int
