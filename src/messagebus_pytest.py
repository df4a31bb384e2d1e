"""Fixtures for tests of applications on messagebus.

pytest loads this module at its start, in every environment where messagebus is installed. So it
imports nothing of it until a test uses a fixture: otherwise a measurement of coverage, which
begins later, would miss what was imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from messagebus import Message
    from messagebus.inbox import DeadLetter
    from messagebus.testing import Clock, Identifiers, Scenarios

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note which tests have failed: what these left unchecked is not their problem."""
    report = yield
    if call.when == "setup":  # of a test that is run again, too
        item.stash[_FAILED] = False
    if call.excinfo is not None:
        item.stash[_FAILED] = True
    return report


@pytest.fixture
def bus_scenario(request: pytest.FixtureRequest) -> Iterator[Scenarios]:
    """Yield what creates a scenario: ``bus_scenario(bus, unit_of_work, **dependencies)``.

    At its end, a test fails whose scenario was not checked, or that has left a dead letter which it
    has not looked at.
    """
    from messagebus.testing import Scenarios

    __tracebackhide__ = True
    scenarios = Scenarios()
    yield scenarios
    problems = scenarios.problems()
    if problems and not request.node.stash.get(_FAILED, False):
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def published(bus_scenario: Scenarios) -> Sequence[Message[Any]]:
    """Return the messages that the scenarios of the test have published since the given state."""
    return bus_scenario.published


@pytest.fixture
def dead_letters(bus_scenario: Scenarios) -> Sequence[DeadLetter]:
    """Return what isolated listeners and consumers could not handle in the test's scenarios."""
    return bus_scenario.dead_letters


@pytest.fixture
def bus_clock() -> Iterator[Clock]:
    """Yield the clock that the messages of the test are created by; the test sets it."""
    from messagebus.testing import Clock

    with Clock() as clock:
        yield clock


@pytest.fixture
def bus_identifiers() -> Iterator[Identifiers]:
    """Yield the series of identifiers that the messages of the test get."""
    from messagebus.testing import Identifiers

    with Identifiers() as identifiers:
        yield identifiers
