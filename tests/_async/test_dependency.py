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
        """Record the commit."""
        await self._note("commit")

    async def on_after_rollback(self) -> None:
        """Record the rollback."""
        await self._note("rollback")

    async def _note(self, end: str) -> None:
        self.heard.append(end)
        if self.failing is not None:
            raise self.failing


@pytest.fixture(autouse=True)
def made() -> list[AsyncNotifier]:
    """Return the notifiers that the bus creates."""
    AsyncNotifier.made = []
    return AsyncNotifier.made


async def notify(command: Shelve, uow: AsyncLibrary, notifier: AsyncNotifier) -> AsyncNotifier:
    """Take the notifier."""
    return notifier


async def register(command: RegisterBook, uow: AsyncLibrary, notifier: AsyncNotifier) -> Any:
    """Take the notifier, and raise an event."""
    book = Book(id="1")
    book.messages.append(BookRegistered())
    await uow.books.add(book)
    return notifier


async def test_a_listener_gets_a_dependency_of_the_bus_by_its_name(uow: AsyncLibrary) -> None:
    """The bus fills the parameters after the unit of work."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)

    async with uow as transaction:
        assert isinstance(await bus.handle(Shelve(), transaction), AsyncNotifier)
        await transaction.commit()


async def test_a_dependency_is_created_once_for_each_handle(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """The listeners of one cascade share it; the next handle gets another."""
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


async def test_an_unused_dependency_is_not_created(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """The bus calls its factories only for parameters."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)

    async with uow as transaction:
        await bus.handle(BookRegistered(), transaction)
        await transaction.commit()

    assert [] == made


async def test_an_argument_of_handle_replaces_a_dependency_of_the_bus(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """It may be an object of any kind."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)

    async with uow as transaction:
        assert "mine" == await bus.handle(Shelve(), transaction, notifier="mine")
        await transaction.commit()

    assert [] == made


async def test_a_parameter_with_a_default_is_optional(uow: AsyncLibrary) -> None:
    """The default applies if neither the bus nor the call provides the dependency."""
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
    """The error also says what to do."""
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


def test_a_dependency_of_the_bus_must_be_callable() -> None:
    """The bus creates its dependencies, so it needs a class or a factory."""
    with pytest.raises(ConfigurationError, match="'notifier' is not callable"):
        AsyncMessageBus(notifier="mine")  # type: ignore[arg-type]


@pytest.mark.parametrize(("decide", "heard"), [("commit", "commit"), ("rollback", "rollback")])
async def test_a_dependency_hears_how_the_transaction_ends(
    uow: AsyncLibrary, decide: str, heard: str
) -> None:
    """Dependencies of the bus and of the call are notified once each."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)
    bus.add_listener(Shelve, notify)
    tracker = AsyncNotifier()

    async with uow as transaction:
        notifier = await bus.handle(Shelve(), transaction, tracker=tracker)
        await bus.handle(Shelve(), transaction, tracker=tracker)
        assert [] == notifier.heard
        await getattr(transaction, decide)()

    assert [[heard], [heard]] == [notifier.heard, tracker.heard]


async def test_an_unused_dependency_of_the_call_hears_the_end() -> None:
    """Every argument of handle takes part in the transaction."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        """Take no dependency."""

    bus.add_listener(Shelve, shelve)
    tracker = AsyncNotifier()
    async with AsyncLibrary() as transaction:
        await bus.handle(Shelve(), transaction, tracker=tracker)
        await transaction.commit()

    assert ["commit"] == tracker.heard


async def test_a_dependency_hears_that_its_listener_has_failed(
    uow: AsyncLibrary, made: list[AsyncNotifier]
) -> None:
    """It is notified of the rollback."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=AsyncNotifier)

    async def fail(command: Shelve, uow: AsyncLibrary, notifier: AsyncNotifier) -> None:
        raise ValueError(command.id)

    bus.add_listener(Shelve, fail)
    with pytest.raises(ValueError, match="1"):
        async with uow as transaction:
            await bus.handle(Shelve(), transaction)

    assert [["rollback"]] == [each.heard for each in made]


async def test_an_object_with_both_hooks_is_notified(uow: AsyncLibrary) -> None:
    """It need not inherit from the base class."""

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
    """All hooks run, their failures are raised together, and commit and publication stand."""
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
    """An interruption is raised unchanged, after every hook has run."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    first, second = AsyncNotifier(), AsyncNotifier()
    first.failing = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        async with uow as transaction:
            await bus.handle(BookRegistered(), transaction, a=first, b=second)
            await transaction.commit()

    assert [["commit"], ["commit"]] == [first.heard, second.heard]
    assert ["commit"] == uow.ended


async def test_a_failing_hook_of_a_rollback_shows_the_original_error(
    uow: AsyncLibrary,
) -> None:
    """The error of the block is the context of the hooks' errors."""
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
    """Both are abstract in the base class."""

    class Half(AsyncDependency):
        async def on_after_commit(self) -> None:
            """Do nothing."""

    with pytest.raises(TypeError, match="on_after_rollback"):
        Half()  # type: ignore[abstract]


@pytest.mark.parametrize("name", ["message", "uow"])
def test_a_dependency_cannot_have_the_name_of_a_parameter_of_handle(name: str) -> None:
    """Handle could not take it as an argument."""
    factories: dict[str, Any] = {name: dict}
    with pytest.raises(ConfigurationError, match=f"A dependency cannot be named '{name}'"):
        AsyncMessageBus(**factories)
