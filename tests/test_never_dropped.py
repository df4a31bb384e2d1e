"""Results that turn out to be asynchronous: sync code refuses them, async code awaits them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest

import messagebus
import messagebus.asyncio
from messagebus import (
    AsyncAbstractEventstreamTransport,
    AsyncDependency,
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    ConfigurationError,
    SyncAbstractEventstreamTransport,
    SyncDependency,
    SyncEventstreamPublisher,
    SyncMessageBus,
)
from tests._async.fakes import AsyncLibrary
from tests._sync.fakes import SyncLibrary, SyncRecordingEventstore
from tests.library import BookRegistered, Shelve

ran: list[str] = []


async def shelve(command: Shelve, uow: object) -> str:
    """Handle the command, asynchronously."""
    ran.append("handler")
    return "shelved"


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function by a plain wrapper, as many libraries do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def returning(command: Shelve, uow: object) -> Any:
    """Return the coroutine of another function."""
    return shelve(command, uow)


class CallableObject:
    """An object that returns a coroutine when it is called."""

    def __call__(self, command: Shelve, uow: object) -> Any:
        """Return the coroutine of another function."""
        return shelve(command, uow)


HIDDEN: list[Callable[..., Any]] = [
    decorated(shelve),
    lambda command, uow: shelve(command, uow),
    returning,
    functools.partial(returning),
    CallableObject(),
]
NAMES = ["wrapper", "lambda", "function", "partial", "object"]


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    """Forget what ran in another test."""
    ran.clear()


@pytest.mark.parametrize("handler", HIDDEN, ids=NAMES)
def test_a_sync_bus_refuses_a_coroutine_that_a_handler_returns(handler: Any) -> None:
    """It is neither dropped nor handed out as the result; the transaction is rolled back."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(Shelve, handler)
    uow = SyncLibrary()
    with (
        pytest.raises(ConfigurationError, match="returned a coroutine") as caught,
        uow as transaction,
    ):
        bus.handle(Shelve(), transaction)
    assert "AsyncMessageBus" in caught.value.__notes__[0]
    assert [] == ran


@pytest.mark.parametrize("handler", HIDDEN, ids=NAMES)
def test_a_sync_bus_refuses_a_coroutine_that_a_listener_returns(handler: Any) -> None:
    """The result of an event's listener is not used, so nobody else would notice."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(BookRegistered, handler)
    with (
        pytest.raises(ConfigurationError, match="returned a coroutine"),
        SyncLibrary() as transaction,
    ):
        bus.handle(BookRegistered(id="1"), transaction)


@pytest.mark.parametrize("handler", HIDDEN, ids=NAMES)
async def test_an_async_bus_awaits_what_a_plain_handler_returns(handler: Any) -> None:
    """A wrapper that does not look like a coroutine function works like one."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Shelve, handler)
    async with AsyncLibrary() as transaction:
        assert "shelved" == await bus.handle(Shelve(), transaction)
        await transaction.commit()
    assert ["handler"] == ran


async def test_an_async_bus_awaits_a_future_that_a_plain_handler_returns() -> None:
    """Whatever can be awaited is awaited."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    loop = asyncio.get_running_loop()

    def handle(command: Shelve, uow: object) -> asyncio.Future[str]:
        future = asyncio.run_coroutine_threadsafe(shelve(command, uow), loop)
        return asyncio.wrap_future(future, loop=loop)

    bus.add_listener(Shelve, handle)
    async with AsyncLibrary() as transaction:
        assert "shelved" == await bus.handle(Shelve(), transaction)
        await transaction.commit()


async def test_an_async_bus_refuses_a_coroutine_that_nobody_awaits() -> None:
    """A coroutine function that forgets to await another one has done nothing."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def handle(command: Shelve, uow: object) -> Coroutine[Any, Any, str]:
        return shelve(command, uow)

    bus.add_listener(Shelve, handle)
    with pytest.raises(ConfigurationError, match="coroutine that nothing awaits"):
        async with AsyncLibrary() as transaction:
            await bus.handle(Shelve(), transaction)


@pytest.mark.parametrize("handler", HIDDEN, ids=NAMES)
def test_a_sync_consumer_refuses_a_coroutine_that_a_handler_returns(handler: Any) -> None:
    """No handler of a consumer, a subscriber or a service is skipped in silence."""
    one_argument: Any = functools.partial(handler, uow=None)
    consumer, subscriber = messagebus.Consumer(), messagebus.Subscriber()
    consumer.register(str, one_argument)
    subscriber.register("topic", one_argument)
    with pytest.raises(ConfigurationError, match="returned a coroutine"):
        consumer.consume("event")
    with pytest.raises(ConfigurationError, match="returned a coroutine"):
        subscriber.receive("message", "topic")


def test_a_sync_service_refuses_to_return_a_coroutine() -> None:
    """Its caller would take the coroutine for the result."""
    service = messagebus.Service()

    @service.handler
    @decorated
    async def act(value: int = messagebus.Depends(lambda: 1)) -> int:
        return value

    with pytest.raises(ConfigurationError, match="returned a coroutine"):
        service.execute("act")


class Late(SyncDependency):
    """A dependency whose hooks turn out to be asynchronous."""

    on_after_commit = on_after_rollback = lambda self: shelve(Shelve(), None)  # type: ignore[assignment]


def test_a_sync_hook_that_returns_a_coroutine_is_reported() -> None:
    """The commit stands, as with any hook that fails."""
    with pytest.raises(ExceptionGroup) as caught, SyncLibrary() as transaction:
        transaction.add_dependency(Late())
        transaction.commit()
    assert isinstance(caught.value.exceptions[0], ConfigurationError)


class PlainHooks:
    """A dependency whose hooks are plain."""

    def on_after_commit(self) -> None:
        """Note the call."""
        ran.append("commit")

    def on_after_rollback(self) -> None:
        """Note the call."""


async def test_plain_hooks_work_in_an_async_transaction() -> None:
    """Only what can be awaited is awaited."""
    hooks: Any = PlainHooks()
    assert isinstance(hooks, AsyncDependency)
    async with AsyncLibrary() as transaction:
        transaction.add_dependency(hooks)
        await transaction.commit()
    assert ["commit"] == ran


@pytest.mark.parametrize("name", ["commit", "rollback", "end_transaction", "collect_new_events"])
def test_a_sync_unit_of_work_with_a_coroutine_function_is_refused(name: str) -> None:
    """The class cannot be defined, so that nobody believes in its commits."""

    async def method(self: Any) -> None:
        """Never run."""

    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        type("Wrong", (SyncLibrary,), {name: method})


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (SyncRecordingEventstore, "_add"),
        (SyncAbstractEventstreamTransport, "send_message_serialized"),
        (SyncEventstreamPublisher, "send_message"),
        (SyncDependency, "on_after_commit"),
        (AsyncLibrary, "collect_new_events"),
    ],
)
def test_a_plain_method_cannot_be_overridden_by_a_coroutine_function(base: type, name: str) -> None:
    """Stores, transports, publishers and dependencies have the colour of their base class."""

    async def method(self: Any, *args: Any) -> None:
        """Never run."""

    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        type("Wrong", (base,), {name: method})


@pytest.mark.parametrize("name", ["commit", "rollback"])
def test_a_commit_that_returns_a_coroutine_is_no_commit(name: str) -> None:
    """The transaction says so, and does not end as committed."""

    async def asynchronous(self: Any) -> None:
        """Never run."""

    uow: Any = type("Wrong", (SyncLibrary,), {name: decorated(asynchronous)})()
    with pytest.raises(ConfigurationError, match="returned a coroutine"), uow as transaction:
        getattr(transaction, name)()
    assert "committed" != transaction.status.value


def test_an_eventstore_that_returns_a_coroutine_is_refused() -> None:
    """The message is not stored, so it must not count as stored."""

    class Wrong(SyncRecordingEventstore):
        _add = decorated(shelve)

    uow, bus = SyncLibrary(), SyncMessageBus[Any]()
    uow.eventstore = Wrong()
    with pytest.raises(ConfigurationError, match="returned a coroutine"), uow as transaction:
        bus.handle(BookRegistered(id="1"), transaction)


def test_a_transport_that_returns_a_coroutine_is_refused_by_a_sync_publisher() -> None:
    """Otherwise the messages would count as sent."""

    class Transport(SyncAbstractEventstreamTransport):
        send_message_serialized = decorated(lambda self, message: shelve(message, None))

    with pytest.raises(ConfigurationError, match="returned a coroutine"):
        SyncEventstreamPublisher(Transport()).send_message(BookRegistered(id="1"))


async def numbers(event: BookRegistered, uow: object) -> AsyncIterator[int]:
    """Yield numbers."""
    yield 1


def names(event: BookRegistered, uow: object) -> Iterator[str]:
    """Yield names."""
    yield "a"


@pytest.mark.parametrize("listener", [numbers, names, functools.partial(names)])
@pytest.mark.parametrize("bus", [AsyncMessageBus, SyncMessageBus])
def test_a_generator_function_cannot_listen_to_an_event(bus: type[Any], listener: Any) -> None:
    """Its body would never run."""
    with pytest.raises(ConfigurationError, match="generator function"):
        bus().add_listener(BookRegistered, listener)


def test_a_sync_producer_refuses_an_async_consumer() -> None:
    """It says so at registration, not at the first event."""
    with pytest.raises(ConfigurationError, match="coroutine function"):
        messagebus.Producer().register(messagebus.asyncio.Consumer())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="coroutine function"):
        messagebus.Publisher().register(messagebus.asyncio.Subscriber())  # type: ignore[arg-type]


async def test_an_async_producer_delivers_to_a_sync_consumer() -> None:
    """Its handlers run in a worker thread, as any plain function does."""
    heard: list[object] = []
    consumer, subscriber = messagebus.Consumer(), messagebus.Subscriber()
    consumer.register(str, heard.append)
    subscriber.register("topic", heard.append)
    producer, publisher = messagebus.asyncio.Producer(), messagebus.asyncio.Publisher()
    producer.register(consumer)  # type: ignore[arg-type]
    publisher.register(subscriber)  # type: ignore[arg-type]
    await producer.dispatch("event")
    await publisher.publish("message", "topic")
    assert ["event", "message"] == heard


async def test_an_async_publisher_awaits_its_transport() -> None:
    """An async transport with an async publisher sends."""
    sent: list[object] = []

    class Transport(AsyncAbstractEventstreamTransport):
        async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            sent.append(message)

    await AsyncEventstreamPublisher(Transport()).send_message(BookRegistered(id="1"))
    assert 1 == len(sent)


def exhausted(*args: object, **kwargs: object) -> object:
    """Let a StopIteration out."""
    return next(iter(()))


@pytest.mark.parametrize("way", ["bus", "consumer", "service"])
async def test_a_plain_handler_that_raises_stop_iteration_ends(way: str) -> None:
    """A future cannot carry the exception, so it becomes a RuntimeError, as PEP 479 has it."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    handler: Any = exhausted
    bus.add_listener(Shelve, lambda command, uow: handler())
    consumer, service = messagebus.asyncio.Consumer(), messagebus.asyncio.Service()
    consumer.register(str, lambda event: exhausted())
    service.handler(exhausted)
    with pytest.raises(RuntimeError, match="raised StopIteration") as caught:
        async with asyncio.timeout(30):
            if way == "bus":
                async with AsyncLibrary() as transaction:
                    await bus.handle(Shelve(), transaction)
            elif way == "consumer":
                await consumer.consume("event")
            else:
                await service.execute("exhausted")
    assert isinstance(caught.value.__cause__, StopIteration)
