"""Scenarios that are forgotten, of the colour that can forget to await."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from messagebus import AsyncMessageBus, ConfigurationError
from messagebus.testing import AsyncMemoryUnitOfWork, AsyncScenario, Scenarios
from tests.library import BookRegistered, Shelve


async def shelve(command: Shelve, uow: Any) -> None:
    """Do nothing."""


def new_bus() -> AsyncMessageBus[Any]:
    """Return a bus with a handler."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Shelve, shelve)
    return bus


def drop(scenarios: list[AsyncScenario]) -> None:
    """Drop scenarios, as the end of a test does."""
    scenarios.clear()
    gc.collect()


def test_a_chain_that_is_not_awaited_warns() -> None:
    """As a coroutine does: its checks would not be made."""
    scenarios = [AsyncScenario(new_bus(), AsyncMemoryUnitOfWork())]
    scenarios[0].when(Shelve()).then(BookRegistered())  # type: ignore[unused-awaitable]
    with pytest.warns(RuntimeWarning, match=r"when\(<Shelve id='1'>\) was never awaited"):
        drop(scenarios)


def test_a_chain_that_is_not_awaited_is_a_problem_of_the_test() -> None:
    """Whatever checks it has; then there is no second warning."""
    scenarios = Scenarios()
    scenarios(new_bus(), AsyncMemoryUnitOfWork()).when(Shelve()).then()  # type: ignore[unused-awaitable]
    [problem] = scenarios.problems()
    assert "was never awaited, so nothing was handled" in problem
    del scenarios
    gc.collect()


async def test_a_chain_that_is_cancelled_is_a_problem_of_the_test() -> None:
    """Its checks were not made, and a timeout that the test expects would hide that."""

    async def wait(command: Shelve, uow: Any) -> None:
        await asyncio.Event().wait()

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Shelve, wait)
    scenarios = Scenarios()
    expected = scenarios(bus, AsyncMemoryUnitOfWork()).when(Shelve()).then(BookRegistered())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await expected
    assert ["when(<Shelve id='1'>) did not end, so nothing was checked"] == scenarios.problems()


async def test_an_error_that_the_test_has_seen_is_no_problem_of_it() -> None:
    """The test has checked it, or has failed."""
    scenarios = Scenarios()
    expected = scenarios(AsyncMessageBus(), AsyncMemoryUnitOfWork()).when(Shelve()).then()
    with pytest.raises(ConfigurationError, match="No listener of the bus hears"):
        await expected
    assert [] == scenarios.problems()


async def test_an_outcome_is_looked_at_after_it_is_awaited() -> None:
    """Awaiting it twice handles nothing twice, and a late check is made at once."""
    scenario = AsyncScenario(new_bus(), AsyncMemoryUnitOfWork())
    expected = scenario.when(Shelve())
    outcome = await expected
    assert outcome is await expected
    assert [] == outcome.messages
    with pytest.raises(AssertionError, match="did not lead to the expected"):
        expected.then(BookRegistered())  # type: ignore[unused-awaitable]


def test_without_a_scenario_nothing_is_shown() -> None:
    """An empty list would say that nothing was published."""
    with pytest.raises(ConfigurationError, match="no scenario that would show published"):
        assert [] == Scenarios().published
    with pytest.raises(ConfigurationError, match="no scenario that would show dead_letters"):
        len(Scenarios().dead_letters)


async def test_what_is_published_is_a_sequence() -> None:
    """It is read anew each time."""
    scenarios = Scenarios()
    bus = new_bus()

    async def register(event: BookRegistered, uow: Any) -> None:
        """Do nothing."""

    bus.add_listener(BookRegistered, register)
    uow: AsyncMemoryUnitOfWork[Any] = AsyncMemoryUnitOfWork()
    scenario = scenarios(bus, uow)
    published: Any = scenarios.published
    assert [] == published
    await scenario.when(BookRegistered(id="7")).then()
    assert [BookRegistered(id="7")] == published
    assert (BookRegistered(id="7"),) == published
    assert published != 7
    assert BookRegistered(id="7") == published[0] == published[:1][0]
    assert "[<BookRegistered id='7'>]" == repr(published)
    assert [] == scenarios.problems()
