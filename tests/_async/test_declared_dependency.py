"""Listeners with dependencies declared by Depends, and included consumers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from messagebus import (
    AsyncMessageBus,
    AsyncUnitOfWorkTransaction,
    ConfigurationError,
    Depends,
    Event,
    MissingDependencyError,
    UnhandledCommandWarning,
)
from messagebus.depends import Provider
from messagebus.facade._async.consumer import Consumer
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests.library import (
    Book,
    BookBorrowed,
    BookRegistered,
    RegisterBook,
    ShelfCounted,
    Shelve,
)

Log = list[str]


async def clock() -> int:
    """Return the time."""
    return 12


def shelf(hour: Annotated[int, Depends(clock)]) -> str:
    """Return the name of a shelf."""
    return f"shelf at {hour}"


async def handle(bus: AsyncMessageBus[Any], message: Any, **given: Any) -> Any:
    """Handle a message in a transaction of its own."""
    async with AsyncLibrary() as transaction:
        result = await bus.handle(message, transaction, **given)
        await transaction.commit()
    return result


async def test_a_listener_may_declare_a_dependency_as_a_default(bus: AsyncMessageBus[Any]) -> None:
    """A parameter with Depends as its default is filled, and so are nested ones."""

    async def shelve(command: Shelve, uow: AsyncLibrary, where: str = Depends(shelf)) -> str:
        return where

    bus.add_listener(Shelve, shelve)

    assert "shelf at 12" == await handle(bus, Shelve())


async def test_a_listener_may_declare_a_dependency_in_an_annotation(
    bus: AsyncMessageBus[Any],
) -> None:
    """A parameter with Depends in Annotated is filled, keyword-only ones too."""

    async def shelve(
        command: Shelve, uow: AsyncLibrary, *, where: Annotated[str, Depends(shelf)]
    ) -> str:
        return where

    bus.add_listener(Shelve, shelve)

    assert "shelf at 12" == await handle(bus, Shelve())


async def test_declared_and_named_dependencies_can_be_combined() -> None:
    """Each parameter is filled in its own way; the error names a missing one."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(notifier=dict)

    async def shelve(
        command: Shelve,
        uow: AsyncLibrary,
        notifier: Any,
        where: Annotated[str, Depends(shelf)],
        tracker: Any,
        reader: str = "nobody",
    ) -> Any:
        return (notifier, where, tracker, reader)

    bus.add_listener(Shelve, shelve)

    assert ({}, "shelf at 12", "mine", "nobody") == await handle(bus, Shelve(), tracker="mine")
    with pytest.raises(MissingDependencyError, match="'tracker'"):
        await handle(bus, Shelve())
    bus.check("nothing", given=["tracker"])


async def test_a_dependency_may_ask_for_the_message_and_the_unit_of_work(
    bus: AsyncMessageBus[Any],
) -> None:
    """It does so by annotation: the class of the message, unit of work or transaction."""

    def title(command: RegisterBook) -> str:
        return command.title.upper()

    def any_event(event: Event) -> str:
        return type(event).__name__

    def books(uow: AsyncLibrary) -> Any:
        return uow.books

    def correlation(transaction: AsyncUnitOfWorkTransaction[Any]) -> Any:
        return transaction.correlation_id

    async def register(
        command: RegisterBook,
        uow: AsyncLibrary,
        title: str = Depends(title),
        books: Any = Depends(books),
        correlation: Any = Depends(correlation),
    ) -> Any:
        return (title, books is uow.books, correlation == command.message_id)

    heard: Log = []

    async def registered(event: BookRegistered, uow: Any, name: str = Depends(any_event)) -> None:
        heard.append(name)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)

    assert ("DUNE", True, True) == await handle(bus, RegisterBook(id="1", title="Dune"))
    await handle(bus, BookRegistered())
    assert ["BookRegistered"] == heard


def test_an_unresolvable_dependency_is_refused_at_registration(
    bus: AsyncMessageBus[Any],
) -> None:
    """A dependency cannot ask for another message."""

    def of_other(event: BookBorrowed) -> str:
        return event.id

    async def listen(event: BookRegistered, uow: Any, id: str = Depends(of_other)) -> None:
        """Never run."""

    with pytest.raises(ConfigurationError, match="of_other"):
        bus.add_listener(BookRegistered, listen)
    assert {} == bus.events_registry


async def test_a_dependency_lives_for_one_call_of_a_listener(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """By default each call has one of its own, which is closed after the call."""
    log: Log = []
    run_a_cascade(bus, log, None)

    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    assert ["open", "register", "close", "open", "registered", "close"] == log


async def test_a_dependency_may_live_as_long_as_the_handle(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """With that scope, the whole cascade shares it, and it is closed before the commit."""
    log: Log = []
    run_a_cascade(bus, log, "handle")

    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        log.append("commit")
        await bus.handle(RegisterBook(id="2"), transaction)
        await transaction.commit()

    assert ["open", "register", "registered", "close", "commit"] == log[:5]
    assert ["open", "register", "registered", "close"] == log[5:]


@pytest.mark.parametrize("scope", [None, "handle"])
async def test_a_dependency_sees_the_error_of_its_listener(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, scope: Any
) -> None:
    """The error is thrown in at the yield, and raised."""
    log: Log = []
    session = opened(log)

    async def failing(
        event: ShelfCounted, uow: AsyncLibrary, session: str = Depends(session, scope=scope)
    ) -> None:
        raise ValueError("refused")

    bus.add_listener(ShelfCounted, failing)
    with pytest.raises(ValueError, match="refused"):
        async with uow as transaction:
            await bus.handle(ShelfCounted(), transaction)

    assert ["open", "ValueError"] == log
    assert ["rollback"] == uow.ended


def opened(log: Log) -> Any:
    """Return a dependency that logs when it is opened and closed."""

    async def session() -> AsyncIterator[str]:
        log.append("open")
        try:
            yield "session"
        except ValueError as error:
            log.append(type(error).__name__)
            raise
        log.append("close")

    return session


def run_a_cascade(bus: AsyncMessageBus[Any], log: Log, scope: Any) -> None:
    """Run a handler and a listener that use one dependency."""
    session = opened(log)

    async def register(
        command: RegisterBook, uow: AsyncLibrary, session: str = Depends(session, scope=scope)
    ) -> None:
        log.append("register")
        book = Book(id=command.id)
        book.messages.append(BookRegistered(id=command.id))
        await uow.books.add(book)

    async def registered(
        event: BookRegistered, uow: AsyncLibrary, session: str = Depends(session, scope=scope)
    ) -> None:
        log.append("registered")

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)


async def test_a_dependency_can_be_overridden(bus: AsyncMessageBus[Any]) -> None:
    """Overrides apply at any depth, and end with their block, even by an error."""

    async def shelve(command: Shelve, uow: AsyncLibrary, where: str = Depends(shelf)) -> str:
        return where

    bus.add_listener(Shelve, shelve)
    with pytest.raises(ValueError, match="stop"), bus.override(clock, lambda: 6):
        assert "shelf at 6" == await handle(bus, Shelve())
        raise ValueError("stop")

    assert "shelf at 12" == await handle(bus, Shelve())
    bus.override(shelf, lambda: "the other shelf")
    assert "the other shelf" == await handle(bus, Shelve())


async def test_a_bus_and_a_consumer_can_share_overrides() -> None:
    """An override of a provider applies to all components with that provider."""
    provider = Provider()
    bus: AsyncMessageBus[Any] = AsyncMessageBus(provider=provider)
    consumer = Consumer(provider=provider)
    heard: list[Any] = []

    async def shelve(command: Shelve, uow: AsyncLibrary, hour: int = Depends(clock)) -> None:
        heard.append(hour)

    async def count(event: ShelfCounted, hour: int = Depends(clock)) -> None:
        heard.append(hour)

    bus.add_listener(Shelve, shelve)
    consumer.handler(count)
    bus.override(clock, lambda: 6)
    await handle(bus, Shelve())
    await consumer.consume(ShelfCounted())

    assert [6, 6] == heard


async def test_an_included_consumer_hears_events_inside_the_transaction(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """Its handlers run after the listeners of the bus and before the event is stored."""
    log: Log = []
    consumer = Consumer()

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        log.append("listener")

    async def hear(event: BookRegistered | BookBorrowed) -> None:
        log.append(f"handler of {event.id}, {len(eventstore.added)} stored")

    bus.include(consumer)
    bus.include(consumer)
    consumer.handler(hear)
    bus.add_listener(BookRegistered, registered)
    async with uow as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await bus.handle(ShelfCounted(id="2"), transaction)
        with pytest.warns(UnhandledCommandWarning):
            await bus.handle(Shelve(), transaction)
        await transaction.commit()

    assert ["listener", "handler of 1, 0 stored"] == log


async def test_a_failing_handler_of_an_included_consumer_rolls_back(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """It belongs to the transaction like a listener."""
    consumer = Consumer()

    async def hear(event: BookRegistered) -> None:
        raise ValueError("refused")

    consumer.handler(hear)
    bus.include(consumer)
    with pytest.raises(ValueError, match="refused"):
        async with uow as transaction:
            await bus.handle(BookRegistered(id="1"), transaction)

    assert ["rollback"] == uow.ended


async def test_an_argument_of_handle_replaces_a_declared_dependency(
    bus: AsyncMessageBus[Any],
) -> None:
    """The declared dependency is then not called."""

    def never() -> str:
        raise AssertionError

    async def shelve(command: Shelve, uow: AsyncLibrary, where: str = Depends(never)) -> str:
        return where

    bus.add_listener(Shelve, shelve)

    assert "given" == await handle(bus, Shelve(), where="given")
