"""Scenarios: what is checked, and what a difference looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest
from pydantic import BaseModel

from messagebus import (
    AsyncMessageBus,
    Command,
    ConfigurationError,
    Event,
    InvalidMessageError,
    Metadata,
    MissingDependencyError,
    Returns,
)
from messagebus.testing import AsyncScenario, Clock, Identifiers
from messagebus.testing.unit_of_work import Parcel, ParcelWeighed, WeighParcel
from tests._async.adapters.test_memory_unit_of_work import AsyncDepot
from tests._async.fakes import AsyncLibrary
from tests.library import BookBorrowed, BookRegistered, RegisterBook, ShelfCounted


class SendParcel(Command, Returns[float]):
    """Adds a parcel, and returns its weight."""

    id: str = "1"
    kilograms: float = 1.0
    metadata: Metadata = Metadata(name="send_parcel", schema_version=1)


class TooHeavyError(Exception):
    """The parcel is too heavy."""


async def send(command: SendParcel, uow: AsyncDepot) -> float:
    """Add a parcel of at most 100 kilograms."""
    parcel = Parcel(id=command.id)
    parcel.weigh(command.kilograms)
    await uow.parcels.add(parcel)
    if command.kilograms > 100:
        text = f"{command.kilograms} of 100"
        raise TooHeavyError(text)
    return parcel.kilograms


async def weigh(command: WeighParcel, uow: AsyncDepot) -> None:
    """Weigh a parcel again."""
    parcel = await uow.parcels.get(command.id)
    parcel.weigh(parcel.kilograms)


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus with the handlers."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(SendParcel, send)
    bus.add_listener(WeighParcel, weigh)
    return bus


@pytest.fixture
def scenario(bus: AsyncMessageBus[Any]) -> AsyncScenario:
    """Return a scenario in memory."""
    return AsyncScenario(bus, AsyncDepot())


async def test_a_message_leads_to_messages_and_a_result(scenario: AsyncScenario) -> None:
    """Each message has a transaction of its own, in the state that those before it have left."""
    weighed = ParcelWeighed(kilograms=1.0)
    await scenario.when(SendParcel()).then(weighed).returns(1.0)
    await scenario.when(WeighParcel()).then(weighed).returns(None)


async def test_what_is_given_is_handled_first_and_not_checked(scenario: AsyncScenario) -> None:
    """Its messages are not those of the command."""
    scenario.given(SendParcel(id="1", kilograms=3.0), SendParcel(id="2"))
    await scenario.given(WeighParcel()).when(WeighParcel()).then(ParcelWeighed(kilograms=3.0))
    assert [] == scenario.problems()


async def test_a_failure_is_expected_by_its_class_and_text(scenario: AsyncScenario) -> None:
    """Nothing of the command is kept."""
    heavy = SendParcel(kilograms=200.0)
    await scenario.when(heavy).fails(TooHeavyError).fails(TooHeavyError, match="^200.* of 100")
    await scenario.when(SendParcel(kilograms=2.0)).returns(2.0)
    assert [ParcelWeighed(kilograms=2.0)] == scenario.published


async def test_an_outcome_can_be_looked_at(scenario: AsyncScenario) -> None:
    """For checks that the kit does not have."""
    outcome = await scenario.when(SendParcel())
    assert 1.0 == outcome.result
    assert ParcelWeighed(kilograms=1.0) in outcome.messages
    assert [] == scenario.problems()


Check = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("message", "check", "expected"),
    [
        (
            SendParcel(kilograms=2.0),
            lambda outcome: outcome.then(ParcelWeighed(kilograms=1.0)),
            "when(<SendParcel id='1' kilograms=2.0>) did not lead to the expected messages.\n"
            "- expected, + what happened:\n"
            "  ParcelWeighed\n"
            "      id: '1'\n"
            "-     kilograms: 1.0\n"
            "+     kilograms: 2.0",
        ),
        (
            SendParcel(),
            lambda outcome: outcome.then(),
            "- (nothing)\n+ ParcelWeighed\n+     id: '1'\n+     kilograms: 1.0",
        ),
        (
            SendParcel(),
            lambda outcome: outcome.then(ParcelWeighed(kilograms=1.0), WeighParcel(id="2")),
            "  ParcelWeighed\n      id: '1'\n      kilograms: 1.0\n- WeighParcel\n-     id: '2'",
        ),
        (
            SendParcel(kilograms=2.0),
            lambda outcome: outcome.returns(1.0),
            "did not return the expected result.\n- expected, + what happened:\n- 1.0\n+ 2.0",
        ),
        (
            SendParcel(),
            lambda outcome: outcome.fails(TooHeavyError),
            "did not fail with TooHeavyError.\n"
            "It led to [<ParcelWeighed id='1' kilograms=1.0>], and returned 1.0.",
        ),
        (
            SendParcel(kilograms=200.0),
            lambda outcome: outcome.fails(KeyError),
            "did not fail with KeyError, but with TooHeavyError: 200.0 of 100",
        ),
        (
            SendParcel(kilograms=200.0),
            lambda outcome: outcome.fails(TooHeavyError, match="300"),
            "failed with TooHeavyError, but its text does not match '300': '200.0 of 100'",
        ),
        (
            SendParcel(kilograms=200.0),
            lambda outcome: outcome.then(ParcelWeighed(kilograms=200.0)),
            "when(<SendParcel id='1' kilograms=200.0>) failed with TooHeavyError: 200.0 of 100",
        ),
        (
            SendParcel(kilograms=200.0),
            lambda outcome: outcome.returns(None),
            "failed with TooHeavyError: 200.0 of 100",
        ),
    ],
)
async def test_a_difference_is_readable(
    scenario: AsyncScenario, message: Any, check: Check, expected: str
) -> None:
    """It shows the message, and both sides."""
    with pytest.raises(AssertionError) as caught:
        await check(scenario.when(message))
    assert expected in str(caught.value)


async def test_the_error_of_a_handler_is_the_cause_of_a_failed_check(
    scenario: AsyncScenario,
) -> None:
    """Its traceback leads to the line that has failed."""
    with pytest.raises(AssertionError) as caught:
        await scenario.when(SendParcel(kilograms=200.0)).then()
    assert isinstance(caught.value.__cause__, TooHeavyError)


async def test_identifier_and_time_count_where_they_are_given(scenario: AsyncScenario) -> None:
    """A difference in them is shown."""
    with Clock() as clock, Identifiers() as identifiers:
        identifiers.give(identifiers[9])
        command = SendParcel()
        weighed = ParcelWeighed(kilograms=1.0, created_at=clock.now, message_id=identifiers[0])
        await scenario.when(command).then(weighed)
        late = ParcelWeighed(kilograms=1.0, created_at=datetime(2027, 1, 1, tzinfo=UTC))
        with pytest.raises(AssertionError, match=r"\+     created_at: datetime.*2026, 1, 1"):
            await scenario.when(SendParcel(id="2")).then(late)


class Labelled(Event):
    """An event that looks like another one."""

    __qualname__ = "ParcelWeighed"

    id: str = "1"
    kilograms: float
    metadata: Metadata = Metadata(name="labelled", schema_version=1)


async def test_messages_that_look_alike_are_told_apart(scenario: AsyncScenario) -> None:
    """By their modules, their metadata and the types of their values."""
    with pytest.raises(AssertionError) as caught:
        await scenario.when(SendParcel()).then(Labelled(kilograms=1.0))
    assert f"- {__name__}.ParcelWeighed\n" in str(caught.value)
    private = Metadata(name="parcel_weighed", schema_version=1)
    with pytest.raises(AssertionError, match=r"(?s)- .*metadata: .*published=False"):
        await scenario.when(WeighParcel()).then(ParcelWeighed(kilograms=1.0, metadata=private))


async def test_any_error_at_all_is_not_expected(scenario: AsyncScenario) -> None:
    """A mistake in the test would be accepted."""
    outcome = await scenario.when(SendParcel(kilograms=200.0))
    with pytest.raises(ConfigurationError, match="mistake in the test"):
        outcome.fails(Exception)
    outcome.fails(Exception, match="200")


async def test_an_error_of_the_wiring_is_expected_by_its_own_class_only(
    scenario: AsyncScenario, bus: AsyncMessageBus[Any]
) -> None:
    """It is also a RuntimeError, which a handler may raise as well."""

    async def ship(event: ParcelWeighed, uow: AsyncDepot, ships: object) -> None:
        """Ship a parcel."""

    bus.add_listener(ParcelWeighed, ship)
    with pytest.raises(
        AssertionError, match=r"(?s)but with MissingDependencyError.*expected by its own class"
    ):
        await scenario.when(SendParcel()).fails(RuntimeError)
    await scenario.when(SendParcel()).fails(MissingDependencyError, match="ships")
    await AsyncScenario(bus, AsyncDepot(), ships=1).when(SendParcel()).returns(1.0)


async def test_a_message_that_nobody_hears_is_no_scenario(scenario: AsyncScenario) -> None:
    """Nothing follows from it, whatever a handler would do that is not registered."""
    with pytest.raises(ConfigurationError, match="No listener of the bus hears <BookRegistered"):
        await scenario.when(BookRegistered()).then()
    with pytest.raises(ConfigurationError, match="No listener of the bus hears <RegisterBook"):
        await scenario.given(RegisterBook(id="1")).when(SendParcel()).fails(ConfigurationError)


async def test_a_given_message_that_fails_is_not_what_the_test_expects(
    scenario: AsyncScenario,
) -> None:
    """The error tells where it comes from."""
    with pytest.raises(TooHeavyError) as caught:
        await (
            scenario.given(SendParcel(kilograms=200.0))
            .when(SendParcel(kilograms=300.0))
            .fails(TooHeavyError)
        )
    assert "raised by given(<SendParcel id='1' kilograms=200.0>)" in str(caught.value.__notes__)


async def test_only_messages_are_expected(scenario: AsyncScenario) -> None:
    """A class is none."""
    with pytest.raises(InvalidMessageError):
        await scenario.when(SendParcel()).then(ParcelWeighed)  # type: ignore[arg-type]


async def test_a_message_counts_as_it_was_when_it_was_handled(
    scenario: AsyncScenario, bus: AsyncMessageBus[Any]
) -> None:
    """Whoever changes what is in it later changes nothing of what is stored."""
    kept: list[ParcelWeighed] = []

    async def keep(event: ParcelWeighed, uow: AsyncDepot) -> None:
        kept.append(event)
        parcel = await uow.parcels.get("1")
        parcel.messages.append(BookBorrowed())

    async def change(event: BookBorrowed, uow: AsyncDepot) -> None:
        kept[0].kilograms = 9.0

    bus.add_listener(ParcelWeighed, keep)
    bus.add_listener(BookBorrowed, change)
    await scenario.when(SendParcel()).then(ParcelWeighed(kilograms=1.0), BookBorrowed())
    assert [ParcelWeighed(kilograms=1.0), BookBorrowed()] == scenario.published


class Weight(BaseModel):
    """A value that is shared by messages."""

    kilograms: float


class Packed(Event):
    """An event with such a value."""

    weight: Weight
    metadata: Metadata = Metadata(name="packed", schema_version=1)


class Pack(Command):
    """A command with such a value."""

    weight: Weight
    metadata: Metadata = Metadata(name="pack", schema_version=1)


async def test_what_a_handler_changes_is_not_what_the_test_expects(
    bus: AsyncMessageBus[Any],
) -> None:
    """Although the test has put the same object into the command and into the event."""

    async def pack(command: Pack, uow: AsyncDepot) -> None:
        command.weight.kilograms = 9.0
        await bus.handle(Packed(weight=command.weight), uow)  # type: ignore[call-overload]

    bus.add_listener(Pack, pack)
    weight = Weight(kilograms=1.0)
    scenario = AsyncScenario(bus, AsyncDepot())
    with pytest.raises(AssertionError, match=r"- .*kilograms=1.0\)\n\+ .*kilograms=9.0\)"):
        await scenario.when(Pack(weight=weight)).then(Packed(weight=weight))


async def test_nested_messages_stand_where_they_were_handled(bus: AsyncMessageBus[Any]) -> None:
    """A handler may hand messages to the bus itself."""

    async def register(command: RegisterBook, uow: AsyncDepot) -> None:
        await bus.handle(ShelfCounted(id="a"), uow)  # type: ignore[call-overload]
        await bus.handle(ShelfCounted(id="b"), uow)  # type: ignore[call-overload]

    bus.add_listener(RegisterBook, register)
    scenario = AsyncScenario(bus, AsyncDepot())
    await scenario.when(RegisterBook(id="1")).then(ShelfCounted(id="a"), ShelfCounted(id="b"))
    assert [] == scenario.published


async def test_what_an_isolated_listener_has_handled_is_undone_with_it() -> None:
    """It leads to nothing but a dead letter, which the test must look at."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")

    async def count(event: BookRegistered, uow: AsyncDepot) -> None:
        await bus.handle(ShelfCounted(), uow)  # type: ignore[call-overload]
        raise LookupError("no shelf")

    bus.add_listener(BookRegistered, count)
    scenario = AsyncScenario(bus, AsyncDepot())
    await scenario.when(BookRegistered()).then()
    [problem] = scenario.problems()
    assert "nobody has looked at a dead letter: listener:" in problem
    assert "could not handle book_registered_v1: LookupError: no shelf" in problem
    assert ["LookupError"] == [each.error_type for each in scenario.dead_letters]
    assert [] == scenario.problems()


class AsyncSafeLibrary(AsyncLibrary):
    """A unit of work with savepoints that keeps no dead letters."""

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo nothing, because nothing is done."""
        yield


async def test_a_unit_of_work_of_any_kind_has_scenarios() -> None:
    """They have seen what was published, and which listeners have failed alone."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        await bus.handle(BookRegistered(id=command.id), uow)  # type: ignore[call-overload]
        await bus.handle(ShelfCounted(id=command.id), uow)  # type: ignore[call-overload]

    async def shelve(event: BookRegistered, uow: AsyncLibrary) -> None:
        await bus.handle(BookBorrowed(), uow)  # type: ignore[call-overload]
        raise LookupError("no shelf")

    bus.add_listener(RegisterBook, register)
    library = AsyncSafeLibrary()
    scenario = AsyncScenario(bus, library)
    scenario.given(RegisterBook(id="1"))
    registered, counted = BookRegistered(id="2"), ShelfCounted(id="2")
    await scenario.when(RegisterBook(id="2")).then(registered, counted)
    assert ["commit", "commit"] == library.ended
    assert ([registered], []) == (scenario.published, scenario.dead_letters)

    bus.add_listener(BookRegistered, shelve)
    await scenario.when(RegisterBook(id="2")).then(registered, counted)
    [problem] = scenario.problems()
    assert "could not handle book_registered_v1: LookupError: no shelf" in problem
    assert ["LookupError"] == [each.error_type for each in scenario.dead_letters]
    assert [] == scenario.problems()


async def test_every_error_of_a_group_must_be_expected() -> None:
    """A bus that collects errors would otherwise hide the mistake of another listener."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="collect")

    async def shelve(event: BookRegistered, uow: Any) -> None:
        raise TooHeavyError("no shelf")

    async def count(event: BookRegistered, uow: Any) -> None:
        raise TooHeavyError("no number") if event.id == "1" else TypeError("a mistake")

    bus.add_listener(BookRegistered, shelve)
    bus.add_listener(BookRegistered, count)
    scenario = AsyncScenario(bus, AsyncDepot())
    await scenario.when(BookRegistered(id="1")).fails(TooHeavyError, match="number")
    await scenario.when(BookRegistered(id="2")).fails(ExceptionGroup, match="2 of the listeners")
    with pytest.raises(AssertionError, match=r"TooHeavyError: no shelf; TypeError: a mistake"):
        await scenario.when(BookRegistered(id="2")).fails(TooHeavyError)
    with pytest.raises(AssertionError, match="does not match 'paper'"):
        await scenario.when(BookRegistered(id="1")).fails(TooHeavyError, match="paper")
    with pytest.raises(ConfigurationError, match="mistake in the test"):
        await scenario.when(BookRegistered(id="2")).fails(ExceptionGroup)


async def test_a_number_is_no_truth_value(scenario: AsyncScenario) -> None:
    """Although they are equal; an object that equals anything is accepted."""
    await scenario.when(SendParcel()).returns(1.0).returns(ANY)
    with pytest.raises(AssertionError, match=r"- True\n\+ 1.0"):
        await scenario.when(SendParcel(id="2")).returns(True)


async def test_a_commit_that_fails_is_a_failure() -> None:
    """The test sees what the caller of *execute* sees."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        """Do nothing."""

    bus.add_listener(RegisterBook, register)
    library = AsyncLibrary()
    library.failing = "commit"
    await AsyncScenario(bus, library).when(RegisterBook(id="1")).fails(OSError, match="no commit")


async def test_what_is_not_checked_is_a_problem_of_the_test(scenario: AsyncScenario) -> None:
    """The problem tells what has happened."""
    await scenario.when(SendParcel())
    await scenario.when(SendParcel(id="2", kilograms=200.0))
    scenario.given(SendParcel(id="3"))
    unchecked, failed, given = scenario.problems()
    assert "when(<SendParcel id='1' kilograms=1.0>) was never checked; it led to [<P" in unchecked
    assert "was never checked; it failed with TooHeavyError: 200.0 of 100" in failed
    assert "given([<SendParcel id='3' kilograms=1.0>]) was not followed by when" in given


async def test_only_what_was_published_after_the_given_state_is_shown(
    scenario: AsyncScenario,
) -> None:
    """Also if something is given between two commands."""
    scenario.given(SendParcel(id="1", kilograms=1.0))
    await scenario.when(SendParcel(id="2", kilograms=2.0)).returns(2.0)
    scenario.given(SendParcel(id="3", kilograms=3.0))
    await scenario.when(SendParcel(id="4", kilograms=4.0)).returns(4.0)
    assert ["2", "4"] == [each.id for each in scenario.published if isinstance(each, ParcelWeighed)]


async def test_a_scenario_creates_its_unit_of_work_once(bus: AsyncMessageBus[Any]) -> None:
    """A class, or any other function, will do; what is given is still there afterwards."""
    scenario = AsyncScenario(bus, AsyncDepot)

    await scenario.given(SendParcel()).when(WeighParcel()).then(ParcelWeighed(kilograms=1.0))


@pytest.mark.parametrize("wrong", [None, list, lambda: None])
def test_what_is_no_unit_of_work_is_refused(bus: AsyncMessageBus[Any], wrong: Any) -> None:
    """Before anything is handled in it."""
    with pytest.raises(ConfigurationError, match=r"A scenario takes a unit of work \("):
        AsyncScenario(bus, wrong)
