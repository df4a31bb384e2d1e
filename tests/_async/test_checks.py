"""The mistakes in messages and handlers that *check* reports, and those of a transaction."""

from __future__ import annotations

import copy
from collections.abc import Callable, ItemsView, Iterable
from inspect import get_annotations
from typing import Any, Generic, Literal, NewType, TypeVar

import pytest
from pydantic import Field

from messagebus import (
    AsyncMessageBus,
    AsyncUnitOfWorkTransaction,
    Command,
    ConfigurationError,
    Event,
    GenericEvent,
    Metadata,
    Returns,
    TransactionError,
)
from messagebus.service.diagnostics import HIDDEN
from tests._async.fakes import AsyncBooks, AsyncLibrary
from tests.library import BookRegistered, Later, RegisterBook, Shelve

T = TypeVar("T")
V = TypeVar("V")
Price = NewType("Price", int)


class Shipped(Event):
    """An event."""

    metadata: Metadata = Metadata(name="checked_shipped", schema_version=1)


class ShippedLate(Shipped):
    """A subclass that inherits its metadata."""


class Count(Command, Returns[int]):
    """A command whose result is a number."""

    metadata: Metadata = Metadata(name="checked_count", schema_version=1)


def problems(bus: AsyncMessageBus[Any], *parts: Any) -> tuple[str, ...]:
    """Return what *check* reports."""
    try:
        bus.check(*parts)
    except ConfigurationError as error:
        return error.problems
    return ()


def test_two_messages_of_one_name_and_version_are_reported() -> None:
    """Whoever reads them back could not tell them apart; an inherited name counts."""
    (problem,) = problems(AsyncMessageBus(), Shipped)
    assert f"{__name__}.Shipped and {__name__}.ShippedLate are both checked_shipped_v1" == problem


def test_the_classes_of_a_generic_message_are_one() -> None:
    """Pydantic makes a class for each of its types, but there is one name to read back."""

    class Made(GenericEvent[Metadata], Generic[T]):
        thing: T
        metadata: Metadata = Metadata(name="checked_made", schema_version=1)

    both: list[type] = [Made[int], Made[str]]
    assert 2 == len({*both})
    assert () == problems(AsyncMessageBus(), Made)


def test_a_message_whose_module_was_reloaded_is_one() -> None:
    """The class that the module had before may still be alive."""
    made = [
        type(
            "Reloaded",
            (Event,),
            {
                "__module__": __name__,
                "__annotations__": {"metadata": Metadata},
                "metadata": Metadata(name="checked_reloaded", schema_version=1),
            },
        )
        for _ in range(2)
    ]
    assert () == problems(AsyncMessageBus(), *made)


def test_metadata_may_come_from_a_factory() -> None:
    """Its name counts; where the factory fails without a message, there is no name yet."""

    class Made(Event):
        metadata: Metadata = Field(
            default_factory=lambda: Metadata(name="checked_shipped", schema_version=1)
        )

    def unknown() -> Metadata:
        raise LookupError

    class Unknown(Event):
        metadata: Metadata = Field(default_factory=unknown)

    (problem,) = problems(AsyncMessageBus(), Made, Unknown, ShippedLate)
    assert "ShippedLate" in problem
    assert "Made" in problem


def test_a_message_that_a_listener_hears_is_compared_with_those_of_the_part() -> None:
    """It comes from another package, and would be read back as one of them."""

    class Elsewhere(Event):
        metadata: Metadata = Metadata(name="checked_count", schema_version=1)

    Elsewhere.__module__ = "elsewhere"
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def hear(event: Elsewhere, uow: Any) -> None:
        """Do nothing."""

    async def count(command: Count, uow: Any) -> int:
        return 1

    bus.add_listener(Elsewhere, hear)
    bus.add_listener(Count, count)
    (problem,) = problems(bus, Count)
    assert problem.startswith(f"{__name__}.Count and elsewhere.")


@pytest.mark.parametrize("part", [pytest, int, ["tests"], Metadata], ids=repr)
def test_a_part_is_a_name_or_a_message(part: Any) -> None:
    """Anything else would be checked for nothing."""
    with pytest.raises(ConfigurationError, match="no part of an application") as caught:
        AsyncMessageBus().check(part)
    assert "Pass the name of a package" in caught.value.__notes__[0]


def test_a_dependency_that_only_another_part_asks_for_is_given() -> None:
    """The parts of an application may share the dependencies of their buses."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(mailer=dict, clock=dict)
    with pytest.raises(ConfigurationError) as caught:
        bus.check("nothing", given=["mailer"])
    assert ("the dependency 'clock' is asked for by no listener",) == caught.value.problems


def test_a_part_of_the_application_can_be_checked() -> None:
    """A service that handles some commands of a package names them."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def shelve(command: Shelve, uow: Any) -> None:
        """Do nothing."""

    bus.add_listener(Shelve, shelve)
    assert any("RegisterBook" in each for each in problems(bus, "tests.library"))
    assert () == problems(bus, Shelve)
    assert (f"{RegisterBook} command has no handler",) == problems(bus, Shelve, RegisterBook)


BROKEN: list[Any] = [
    str,
    None,
    list[int],
    str | None,
    str | bytes,
    Literal["a"],
    "str",
    Later[str],
]
KEPT: list[Any] = [
    int,
    bool,
    Any,
    Price,
    int | None,
    Literal[1],
    int | str,
    T,
    "int",
    "Unknown",
    object,
    Later,
    Later[int],
    Later[int] | None,
]


@pytest.mark.parametrize("result", BROKEN, ids=str)
def test_a_handler_that_returns_something_else_than_promised_is_reported(result: Any) -> None:
    """Whoever handles the command is told by a type checker that it gets a number."""

    async def count(command: Count, uow: Any) -> Any:
        """Do nothing."""

    count.__annotations__["return"] = result
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Count, count)
    (problem,) = problems(bus, Count)
    assert "count returns" in problem
    assert problem.endswith("but Count promises int")


@pytest.mark.parametrize("result", KEPT, ids=str)
def test_a_result_that_may_be_what_was_promised_is_none(result: Any) -> None:
    """What cannot be known for sure is not reported."""

    async def count(command: Count, uow: Any) -> Any:
        """Do nothing."""

    count.__annotations__["return"] = result
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Count, count)
    assert () == problems(bus, Count)


class Inverted(dict[V, T], Generic[T, V]):
    """A dictionary whose type parameters have another order than those of its base."""


@pytest.mark.parametrize(
    ("promised", "result", "is_kept"),
    [
        (Literal["a"], int, False),
        (Literal["a"], Literal["b"], False),
        (Literal["a"], Literal["a", "b"], True),
        (Literal["a"], str, True),
        (tuple[int, int], tuple[int, int, int], False),
        (tuple[int, int], tuple[int, ...], True),
        (dict[int, str], Inverted[str, int], True),
        (Iterable[tuple[str, int]], ItemsView[str, int], True),
        ("Shipped", Metadata, False),
        ("Shipped", ShippedLate, True),
        ("Unknown", Metadata, True),
        (Later[int], Later[int], True),
    ],
)
def test_promises_are_compared_as_types(promised: Any, result: Any, is_kept: bool) -> None:
    """Type arguments, values and lengths count; what a type does not tell is no mistake."""

    class Ask(Command, Returns[promised]):
        metadata: Metadata = Metadata(name="checked_ask", schema_version=1)

    async def ask(command: Ask, uow: Any) -> Any:
        """Do nothing."""

    ask.__annotations__["return"] = result
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Ask, ask)
    assert is_kept is (problems(bus, Ask) == ())


def test_a_promise_binds_the_handler_of_a_base_class() -> None:
    """It is the one that handles the command."""

    class Request(Command):
        """A base of commands."""

    class Measure(Request, Returns[int]):
        metadata: Metadata = Metadata(name="checked_request", schema_version=1)

    async def answer(command: Request, uow: Any) -> str:
        return "one"

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Request, answer)
    (problem,) = problems(bus, Request)
    assert "answer returns str" in problem


def test_a_number_may_be_returned_where_a_float_is_promised() -> None:
    """As type checkers have it (PEP 484)."""

    class Measure(Command, Returns[float]):
        metadata: Metadata = Metadata(name="checked_measure", schema_version=1)

    async def measure(command: Measure, uow: Any) -> int:
        return 1

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Measure, measure)
    assert () == problems(bus, Measure)


def test_the_registries_are_for_reading() -> None:
    """A change that would be lost is refused, also in the listeners of one event."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def hear(event: BookRegistered, uow: Any) -> None:
        """Do nothing."""

    bus.add_listener(BookRegistered, hear)
    for registry in (bus.commands_registry, bus.events_registry):
        with pytest.raises(TypeError):
            registry[Shelve] = print  # type: ignore[index]
    for event in (BookRegistered, Shipped):
        listeners = bus.events_registry[event]
        changes: list[Callable[[], Any]] = [
            lambda known=listeners: known.append(hear),  # type: ignore[misc]
            lambda known=listeners: known.remove(hear),  # type: ignore[misc]
            lambda known=listeners: known.sort(key=id),  # type: ignore[misc]
            lambda known=listeners: known.__setitem__(0, hear),  # type: ignore[misc]
            lambda known=listeners: known.__iadd__([hear]),  # type: ignore[misc]
        ]
        for change in changes:
            with pytest.raises(TypeError, match="use add_listener"):
                change()
    assert [hear] == bus.events_registry[BookRegistered]
    copied = copy.copy(bus.events_registry[BookRegistered])
    copied.append(hear)
    assert [hear, hear] == copied


async def test_a_repository_is_not_set_on_a_transaction() -> None:
    """It would hide that of the unit of work, whose messages are collected."""
    uow = AsyncLibrary()
    async with uow as transaction:
        given: Any = transaction
        with pytest.raises(TransactionError, match="no attribute 'books' of its own") as caught:
            given.books = AsyncBooks()
        assert "transaction.uow.books" in caught.value.__notes__[0]
        replaced = transaction.uow.books = AsyncBooks()
        assert transaction.books is replaced
        await transaction.rollback()


async def test_a_handler_cannot_set_a_repository_on_its_transaction() -> None:
    """The transaction is rolled back, so that nothing is lost unseen."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    uow = AsyncLibrary()

    async def shelve(command: Shelve, transaction: Any) -> None:
        transaction.more_books = AsyncBooks()

    bus.add_listener(Shelve, shelve)
    with pytest.raises(TransactionError, match="no attribute 'more_books' of its own"):
        async with uow as transaction:
            await bus.handle(Shelve(), transaction)
            await transaction.commit()
    assert "rolledback" == transaction.status.value


class Labelled:
    """Something else than a unit of work."""

    status = "new"


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_a_unit_of_work_has_no_attribute_that_a_transaction_hides(name: str) -> None:
    """Listeners would read that of the transaction; the error comes as early as it can be known."""
    with pytest.raises(ConfigurationError, match=f"{name} would be hidden") as caught:
        setattr(AsyncLibrary(), name, 1)
    assert "A transaction has itself: bare, buffer," in caught.value.__notes__[0]
    declared: list[dict[str, Any]] = [
        {"__annotations__": {name: int}},
        {name: 1},
        {name: property(str)},
        {name: lambda self: 1},
        {"__slots__": (name,)},
    ]
    for each in declared:
        with pytest.raises(ConfigurationError, match=f"{name} would be hidden"):
            type("Wrong", (AsyncLibrary,), each)


def test_a_transaction_hides_no_attribute_of_another_base_class() -> None:
    """A unit of work inherits it, too."""
    with pytest.raises(ConfigurationError, match="status would be hidden"):
        type("Wrong", (Labelled, AsyncLibrary), {})


def test_the_data_of_a_transaction_are_the_names_that_it_hides() -> None:
    """Methods are no data: a unit of work commits itself, and may be closed itself."""
    data = {*get_annotations(AsyncUnitOfWorkTransaction)} | {
        name
        for name, member in vars(AsyncUnitOfWorkTransaction).items()
        if isinstance(member, property)
    }
    assert {name for name in data if name[0] != "_"} - {"eventstore"} == HIDDEN


async def test_a_generic_event_of_a_float_hears_a_number() -> None:
    """An int is accepted wherever a float is, as type checkers have it (PEP 484)."""

    class Measured(GenericEvent[Metadata], Generic[T]):
        value: T
        metadata: Metadata = Metadata(name="checked_measured", schema_version=1)

    heard: list[Any] = []

    async def hear(event: Measured[float], uow: Any) -> None:
        heard.append(event.value)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Measured[float], hear)
    async with AsyncLibrary() as transaction:
        for value in (1, 1.5, "one"):
            await bus.handle(Measured(value=value), transaction)
        await transaction.commit()
    assert [1, 1.5] == heard


def test_an_event_is_not_mistaken_for_a_promise() -> None:
    """Only commands promise a result."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def hear(event: BookRegistered, uow: Any) -> str:
        return "heard"

    bus.add_listener(BookRegistered, hear)
    assert () == problems(bus, BookRegistered)
