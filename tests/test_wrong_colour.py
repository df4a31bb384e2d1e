"""Objects of one colour used with the other: they work, or are refused at registration."""

from __future__ import annotations

import inspect
import sys
import threading
from typing import Any

import pytest

import messagebus
import messagebus.asyncio
from messagebus import AsyncMessageBus, ConfigurationError, SyncMessageBus
from tests._async.fakes import AsyncLibrary
from tests._sync.fakes import SyncLibrary
from tests.library import BookBorrowed, BookRegistered, Shelve


async def test_a_plain_listener_of_an_async_bus_runs_in_a_worker_thread() -> None:
    """It cannot stall the loop, and its return value is the result."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    def shelve(command: Shelve, uow: AsyncLibrary) -> int:
        return threading.get_ident()

    bus.add_listener(Shelve, shelve)
    async with AsyncLibrary() as transaction:
        assert threading.get_ident() != await bus.handle(Shelve(), transaction)
        await transaction.commit()
    assert {Shelve: shelve} == bus.commands_registry


def test_a_sync_bus_refuses_a_coroutine_function() -> None:
    """Nothing could await it; the error says what to use."""
    bus: SyncMessageBus[Any] = SyncMessageBus()

    async def shelve(command: Shelve, uow: SyncLibrary) -> None:
        """Never run."""

    with pytest.raises(ConfigurationError, match="coroutine function") as caught:
        bus.add_listener(Shelve, shelve)
    assert "AsyncMessageBus" in caught.value.__notes__[0]
    assert {} == bus.commands_registry


@pytest.mark.skipif(sys.version_info < (3, 12), reason="functions cannot be marked before")
def test_a_sync_bus_refuses_a_function_that_is_marked_as_a_coroutine_function() -> None:
    """The mark says that its result must be awaited."""
    bus: SyncMessageBus[Any] = SyncMessageBus()

    def shelve(command: Shelve, uow: SyncLibrary) -> None:
        """Never run."""

    mark: Any = vars(inspect)["markcoroutinefunction"]
    mark(shelve)
    with pytest.raises(ConfigurationError, match="coroutine function"):
        bus.add_listener(Shelve, shelve)


async def test_a_sync_consumer_is_heard_by_an_async_bus() -> None:
    """Its handlers run in a worker thread, inside the transaction."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    consumer = messagebus.Consumer()
    heard: list[BookRegistered] = []

    @consumer.handler
    def hear(event: BookRegistered) -> None:
        heard.append(event)

    bus.include(consumer)
    async with AsyncLibrary() as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await transaction.commit()

    assert [BookRegistered(id="1")] == heard


def test_a_sync_bus_refuses_an_async_consumer() -> None:
    """Nothing could await it."""
    with pytest.raises(ConfigurationError, match="coroutine function"):
        SyncMessageBus().include(messagebus.asyncio.Consumer())  # type: ignore[arg-type]


async def _async_middleware(call: Any, call_next: Any) -> Any:
    return await call_next(call)


def _sync_middleware(call: Any, call_next: Any) -> Any:
    return call_next(call)


@pytest.mark.parametrize(
    ("component", "middleware"),
    [
        (AsyncMessageBus(), _sync_middleware),
        (messagebus.asyncio.Consumer(), _sync_middleware),
        (SyncMessageBus(), _async_middleware),
        (messagebus.Consumer(), _async_middleware),
    ],
)
def test_middleware_of_the_other_colour_is_refused(component: Any, middleware: Any) -> None:
    """When it is added, not when a message comes."""
    with pytest.raises(ConfigurationError, match="coroutine function"):
        component.add_middleware(middleware)


def _yielding_middleware(call: Any, call_next: Any) -> Any:
    yield call_next(call)


async def _async_yielding_middleware(call: Any, call_next: Any) -> Any:
    yield await call_next(call)


@pytest.mark.parametrize(
    ("middleware", "problem"),
    [
        (_yielding_middleware, "generator function, whose body would not run"),
        (_async_yielding_middleware, "generator function, whose body would not run"),
        (3, "which 3 cannot be"),
    ],
)
@pytest.mark.parametrize(
    "component",
    [AsyncMessageBus(), messagebus.asyncio.Consumer(), SyncMessageBus(), messagebus.Consumer()],
)
def test_middleware_that_would_not_run_is_refused(
    component: Any, middleware: Any, problem: str
) -> None:
    """It would skip the listener without a word, and the message would be committed as handled."""
    with pytest.raises(ConfigurationError, match=problem):
        component.add_middleware(middleware)


@pytest.mark.parametrize("uow", [None, SyncLibrary(), SyncLibrary, lambda: None])
async def test_a_unit_of_work_of_the_other_colour_is_refused(uow: Any) -> None:
    """So is what is none, before anything is handled."""
    with pytest.raises(ConfigurationError, match=r"a unit of work \(AsyncAbstractUnitOfWork\)"):
        await AsyncMessageBus[Any]().execute(BookBorrowed(id="1"), uow)


def test_a_sync_bus_refuses_an_async_unit_of_work() -> None:
    """Created or not."""
    for uow in (AsyncLibrary(), AsyncLibrary):
        wrong: Any = uow
        with pytest.raises(ConfigurationError, match=r"a unit of work \(SyncAbstractUnitOfWork\)"):
            SyncMessageBus[Any]().execute(BookBorrowed(id="1"), wrong)
