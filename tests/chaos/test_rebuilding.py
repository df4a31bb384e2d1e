"""Replays that are killed while they rebuild a read model."""

from __future__ import annotations

import pytest

from .application import Job
from .ledger import parts_of
from .rebuilding import TRANSACTIONS, kill_replays
from .trial import Trial


@pytest.mark.parametrize("colour", ["async", "sync"])
def test_a_killed_replay_rebuilds_the_same_read_model(job: Job, colour: str) -> None:
    """Its position is committed with what it has applied, so nothing is lost or applied twice."""
    with Trial(job) as trial:
        undisturbed, killed = kill_replays(trial, colour, kills=4)

    assert sum(map(parts_of, range(TRANSACTIONS))) == len(undisturbed)
    assert undisturbed == killed
