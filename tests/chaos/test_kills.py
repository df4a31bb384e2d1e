"""A short version of `nox -s chaos`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.adapters.stored import entries

from .application import Job
from .faults import DELETING, WRITING, Point
from .trial import Trial, kill_at, kill_at_random


@pytest.mark.parametrize("point", WRITING)
def test_a_process_killed_at_a_fault_point_loses_nothing(
    job: Job, point: Point, redis_url: str, unique_name: str
) -> None:
    """Exactly the committed messages are sent, in order, at most a batch of them twice."""
    with Trial(replace(job, retention=point in DELETING)) as trial:
        kill_at(trial, point, times=1)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert 2 == result.kills
    assert result.duplicates


@pytest.mark.parametrize("seed", [1])
def test_a_process_killed_at_any_moment_loses_nothing(
    job: Job, seed: int, redis_url: str, unique_name: str
) -> None:
    """An application and a second relay are killed repeatedly."""
    with Trial(replace(job, seed=seed)) as trial:
        kill_at_random(trial, times=4)
        result = trial.result(entries(redis_url, unique_name))

    assert [] == result.violations
    assert result.committed


def test_a_broker_that_deduplicates_has_no_duplicates(
    job: Job, redis_url: str, unique_name: str
) -> None:
    """The broker recognizes repeated messages by their identifiers."""
    remembering = replace(job, transport=f"{redis_url}?stream={unique_name}&create=true")
    with Trial(remembering) as trial:
        kill_at(trial, Point.SENT, times=2)
        result = trial.result(entries(redis_url, unique_name), remembers=True)

    assert [] == result.violations
    assert 0 == result.duplicates
