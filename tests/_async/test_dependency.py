"""Named dependencies of listeners, from the bus and from the call."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import AsyncDependency, AsyncMessageBus, ConfigurationError, MissingDependencyError
from messagebus.service._async.dependency import MissingDependencyError as OfDependency
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, types_of
from tests.library import Book, BookRegistered, RegisterBook, Shelve


class AsyncNotifier(AsyncDependency):
    """Hears the end of the transaction; fails when told to."""

    made: list[AsyncNotifier]

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.failing: BaseException | None = None
        type(self).made.append(self)

    async def on_after_commit(self) -> None:
        """Note the commit."""
        await self._note("commit")

    async def on_after_rollback(self) -> None:
        """Note the rollback."""
        await self._note("rollback")

    async def _note(self, end: str) -> None:
        self.heard.append(end)
        if self.failing is not None:
            raise self.failing


@pytest.fixture(autouse=True)
def made() -> list[AsyncNotifier]:
    """Return the notifiers that the bus makes."""
    AsyncNotifier.made = []
    return AsyncNotifier.made


async def notify(command: Shelve, uow: AsyncLibrary, notifier: AsyncNotifier) -> AsyncNotifier:
    """Ask for the notifier."""
    return notifier


async def register(command: RegisterBook, uow: AsyncLibrary, notifier: AsyncNotifier) -> Any:
    """Ask for the notifier, and raise an event."""
    book = Book(id="1")
    book.messages.append(BookRegistered())
    await uow.books.add(book)
    return notifier


async def test_a_listener_gets_a_dependency_of_the_bus_by_its_name(uow: AsyncLibrary) -> None:
    """A parameter behind the unit of work is filled by what the bus makes."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)

    async with uow as transaction:
        assert isinstance(await bus.handle(Shelve(), transaction), AsyncNotifier)
        await transaction.commit()


async def test_a_dependency_is_made_once_for_each_handle(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """The listeners of one cascade share it; the next handle has its own."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    seen: list[AsyncNotifier] = []

    async def registered(event: BookRegistered, uow: AsyncLibrary, notifier: AsyncNotifier) -> None:
        seen.append(notifier)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)
    async with uow as transaction:
        first = await bus.handle(RegisterBook(id="1"), transaction)
        second = await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    assert [first, second] == seen == made
    assert first is not second


async def test_a_dependency_that_nobody_asks_for_is_not_made(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """What is not used costs nothing."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)

    async with uow as transaction:
        await bus.handle(BookRegistered(), transaction)
        await transaction.commit()

    assert [] == made


async def test_what_the_call_gives_goes_before_what_the_bus_has(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """A dependency of the call may be any object, of any kind."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)

    async with uow as transaction:
        assert "mine" == await bus.handle(Shelve(), transaction, notifier="mine")
        await transaction.commit()

    assert [] == made


async def test_a_parameter_with_a_default_is_optional(uow: AsyncLibrary) -> None:
    """The default is used if neither the bus nor the call has the dependency."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def shelve(command: Shelve, uow: AsyncLibrary, *, shelf: str = "default") -> str:
        return shelf

    bus.add_listener(Shelve, shelve)
    async with uow as transaction:
        assert "default" == await bus.handle(Shelve(), transaction)
        assert "given" == await bus.handle(Shelve(), transaction, shelf="given")
        await transaction.commit()


async def test_a_missing_dependency_names_the_listener_and_the_parameter(
    uow: AsyncLibrary,
) -> None:
    """The error says what is missing, who asks for it and what to do."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Shelve, notify)

    with pytest.raises(MissingDependencyError) as caught:
        async with uow as transaction:
            await bus.handle(Shelve(), transaction)

    assert "Missing messagebus dependency 'notifier'" == str(caught.value)
    assert ("notifier", notify) == (caught.value.dependency, caught.value.listener)
    assert "notify" in caught.value.__notes__[0]
    assert isinstance(caught.value, RuntimeError)
    assert OfDependency is MissingDependencyError


def test_what_can_not_be_called_is_no_dependency_of_the_bus() -> None:
    """The bus makes its dependencies: it needs a class or a factory."""
    with pytest.raises(ConfigurationError, match="'notifier' is not callable"):
        AsyncMessageBus(notifier="mine")  # type: ignore[arg-type]


@pytest.mark.parametrize(("decide", "heard"), [("commit", "commit"), ("rollback", "rollback")])
async def test_a_dependency_hears_how_the_transaction_ends(
    uow: AsyncLibrary, decide: str, heard: str
) -> None:
    """Dependencies of the bus and of the call hear it, each once."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)
    tracker = AsyncNotifier()

    async with uow as transaction:
        notifier = await bus.handle(Shelve(), transaction, tracker=tracker)
        await bus.handle(Shelve(), transaction, tracker=tracker)
        assert [] == notifier.heard
        await getattr(transaction, decide)()

    assert [[heard], [heard]] == [notifier.heard, tracker.heard]


async def test_a_dependency_of_the_call_hears_the_end_even_if_nobody_asks_for_it() -> None:
    """What is given to handle takes part in its transaction."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        """Ask for nothing."""

    bus.add_listener(Shelve, shelve)
    tracker = AsyncNotifier()
    async with AsyncLibrary() as transaction:
        await bus.handle(Shelve(), transaction, tracker=tracker)
        await transaction.commit()

    assert ["commit"] == tracker.heard


async def test_a_dependency_hears_that_its_listener_has_failed(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """A transaction that ends by an error is rolled back, and told so."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)

    async def fail(command: Shelve, uow: AsyncLibrary, notifier: AsyncNotifier) -> None:
        raise ValueError(command.id)

    bus.add_listener(Shelve, fail)
    with pytest.raises(ValueError, match="1"):
        async with uow as transaction:
            await bus.handle(Shelve(), transaction)

    assert [["rollback"]] == [each.heard for each in made]


async def test_an_object_with_both_methods_is_a_dependency_that_hears(uow: AsyncLibrary) -> None:
    """Inheriting is not needed."""

    class Tracker:
        def __init__(self) -> None:
            self.heard: list[str] = []

        async def on_after_commit(self) -> None:
            self.heard.append("commit")

        async def on_after_rollback(self) -> None:
            self.heard.append("rollback")

    tracker = Tracker()
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    async with uow as transaction:
        await bus.handle(BookRegistered(), transaction, tracker=tracker)
        await transaction.commit()

    assert ["commit"] == tracker.heard
    assert isinstance(tracker, AsyncDependency)


async def test_a_failing_hook_does_not_undo_the_commit(
    uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """All hooks run; what failed is raised together; commit and publication stand."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    first, second, third = AsyncNotifier(), AsyncNotifier(), AsyncNotifier()
    first.failing, second.failing = ValueError("first"), OSError("second")

    with pytest.raises(ExceptionGroup) as caught:
        async with uow as transaction:
            await bus.handle(BookRegistered(), transaction, a=first, b=second, c=third)
            await transaction.commit()

    assert (first.failing, second.failing) == caught.value.exceptions
    assert [["commit"]] * 3 == [first.heard, second.heard, third.heard]
    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)


async def test_an_interrupted_hook_lets_the_others_hear(uow: AsyncLibrary) -> None:
    """An interruption arrives as itself, after every hook has run."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    first, second = AsyncNotifier(), AsyncNotifier()
    first.failing = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        async with uow as transaction:
            await bus.handle(BookRegistered(), transaction, a=first, b=second)
            await transaction.commit()

    assert [["commit"], ["commit"]] == [first.heard, second.heard]
    assert ["commit"] == uow.ended


async def test_a_failing_hook_of_a_rollback_shows_the_error_that_led_to_it(
    uow: AsyncLibrary,
) -> None:
    """The error of the block is the context of the errors of the hooks."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    tracker = AsyncNotifier()
    tracker.failing = OSError("hook")
    refused = ValueError("refused")

    with pytest.raises(ExceptionGroup) as caught:
        async with uow as transaction:
            await bus.handle(BookRegistered(), transaction, tracker=tracker)
            raise refused

    assert refused is caught.value.__context__
    assert ["rollback"] == uow.ended


def test_a_dependency_class_has_both_hooks() -> None:
    """The base class reminds of what is missing."""

    class Half(AsyncDependency):
        async def on_after_commit(self) -> None:
            """Do nothing."""

    with pytest.raises(TypeError, match="on_after_rollback"):
        Half()  # type: ignore[abstract]


@pytest.mark.parametrize("name", ["message", "uow"])
def test_a_dependency_can_not_have_the_name_of_a_parameter_of_handle(name: str) -> None:
    """It could not be given to handle."""
    factories: dict[str, Any] = {name: dict}
    with pytest.raises(ConfigurationError, match=f"A dependency cannot be named '{name}'"):
        AsyncMessageBus(**factories)
