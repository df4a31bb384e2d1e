"""The schedule of waits between attempts."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messagebus.adapters import sqlalchemy
from messagebus.adapters._transport._async import transport
from messagebus.exceptions import ConfigurationError
from messagebus.retry import Backoff


def test_waits_grow_by_their_factor_up_to_the_longest() -> None:
    """Without jitter, each wait is twice as long as the one before, up to the longest."""
    backoff = Backoff(first=0.5, factor=2, longest=6, jitter=0)

    assert [0.5, 1, 2, 4, 6, 6] == [backoff.delay(failures) for failures in range(1, 7)]


@given(
    failures=st.integers(0, 10**9),
    first=st.floats(0.001, 10),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 1),
)
def test_chance_makes_no_wait_shorter(
    failures: int, first: float, factor: float, jitter: float
) -> None:
    """After any number of failures, jitter only extends a wait."""
    exact = Backoff(first=first, factor=factor, jitter=0).delay(failures)
    delay = Backoff(first=first, factor=factor, jitter=jitter).delay(failures)

    assert exact <= delay <= exact * (1 + jitter)
    assert min(first, 60) <= exact <= 60


def test_the_waits_of_a_transport_double_up_to_a_second() -> None:
    """Jitter extends each by up to half, so that clients do not return all at once."""
    found = list(islice(transport._RECONNECT.delays(3600.0), 20))
    least = [min(0.05 * 2**number, 1.0) for number in range(20)]

    assert all(low <= delay <= 1.5 * low for low, delay in zip(least, found, strict=True))
    assert any(first != second for first, second in pairwise(found[10:]))


def test_without_patience_there_is_no_second_attempt() -> None:
    """Every failure is reported at once."""
    assert [] == list(Backoff().delays(0.0))


def test_the_last_wait_ends_with_the_patience() -> None:
    """No wait exceeds the time that is left."""
    assert next(Backoff(first=60.0).delays(0.5)) <= 0.5


def test_the_schedule_can_be_imported_where_relays_are() -> None:
    """It is exported beside the relay."""
    assert sqlalchemy.Backoff is Backoff


@pytest.mark.parametrize("field", ["first", "factor", "longest", "jitter"])
@pytest.mark.parametrize(
    "value",
    [-1, float("nan"), float("inf"), float("-inf"), 1e300, 10**400, True, "1", None],
    ids=repr,
)
def test_numbers_that_make_no_schedule_are_refused(field: str, value: Any) -> None:
    """The error names the field, whatever is given for it."""
    with pytest.raises(ConfigurationError, match=f"{field} must be a number from "):
        Backoff(**{field: value})


@pytest.mark.parametrize("factor", [1, 1_000])
@pytest.mark.parametrize("wait", [0, 5e-324, 3.1536e9])
def test_no_schedule_overflows(factor: float, wait: float) -> None:
    """The largest numbers make waits that any clock can add."""
    delay = Backoff(first=wait, longest=wait, factor=factor, jitter=1).delay(10**9)

    assert wait <= delay <= 2 * wait
