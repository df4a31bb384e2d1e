"""Results with a body that has not run yet: wherever they turn up, they are run or refused."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from typing import Any
from unittest import mock

import pytest

import messagebus
import messagebus.asyncio
from messagebus import (
    AbstractMessageSerializer,
    AsyncAbstractEventstreamTransport,
    AsyncDependency,
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    ConfigurationError,
    Depends,
    SyncAbstractEventstreamTransport,
    SyncDependency,
    SyncEventstreamPublisher,
    SyncMessageBus,
    inject,
)
from messagebus._compat.waits.aio import in_thread
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests._sync.fakes import SyncLibrary, SyncRecordingEventstore
from tests.library import BookRegistered, Shelve

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    """Forget what ran in another test."""
    ran.clear()


async def answer(*_: object, **__: object) -> str:
    """Return an answer, asynchronously."""
    ran.append("answer")
    return "answer"


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function by a plain wrapper, as many libraries do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@types.coroutine
def old_style() -> Generator[Any, Any, str]:
    """Return an answer, with a coroutine in the style before ``async def``."""
    yield
    ran.append("answer")
    return "answer"


class Awaitable:
    """An object of one's own that can be awaited."""

    def __await__(self) -> Generator[Any, Any, str]:
        """Return an answer."""
        return answer().__await__()


def task() -> Any:
    """Start a task."""
    return asyncio.get_running_loop().create_task(answer())


def future() -> Any:
    """Return a future that is done later."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[str] = loop.create_future()
    loop.call_soon(result.set_result, "answer")
    return result


DEPENDENCIES: list[Callable[[], Any]] = [
    task,
    future,
    lambda: Awaitable(),
    lambda: answer(),
    lambda: old_style(),
    decorated(answer),
    staticmethod(answer),
]
NAMES = ["task", "future", "awaitable", "lambda", "old style", "wrapper", "staticmethod"]


@pytest.mark.parametrize("dependency", DEPENDENCIES, ids=NAMES)
@pytest.mark.parametrize("way", ["declared", "in handle", "named", "override"])
async def test_async_code_awaits_what_a_dependency_returns(dependency: Any, way: str) -> None:
    """Whatever a function returns that can be awaited is awaited, wherever it is needed."""
    found: list[object] = []
    if way in ("declared", "override"):
        service = messagebus.asyncio.Service()
        declared = dependency if way == "declared" else lambda: None

        @service.handler
        async def act(it: Any = Depends(declared)) -> None:
            found.append(it)

        service.override(declared, dependency)
        await service.execute("act")
    else:
        bus: AsyncMessageBus[Any] = AsyncMessageBus(it=dependency)

        async def by_name(command: Shelve, uow: object, it: Any) -> None:
            found.append(it)

        async def by_mark(command: Shelve, uow: object, it: Any = Depends(dependency)) -> None:
            found.append(it)

        bus.add_listener(Shelve, by_name if way == "named" else by_mark)
        async with AsyncLibrary() as transaction:
            await bus.handle(Shelve(), transaction)
            await transaction.commit()
    assert ["answer"] == found


@pytest.mark.parametrize("way", ["declared", "in handle", "named"])
async def test_an_instance_of_a_class_is_not_awaited(way: str) -> None:
    """A class makes the dependency itself, even if that can be awaited, as a pool can."""
    found: list[object] = []
    for _ in range(2):
        service = messagebus.asyncio.Service()
        bus: AsyncMessageBus[Any] = AsyncMessageBus(it=Awaitable)

        async def by_name(command: Shelve, uow: object, it: Any) -> None:
            found.append(it)

        async def by_mark(command: Shelve, uow: object, it: Any = Depends(Awaitable)) -> None:
            found.append(it)

        @service.handler
        async def act(it: Any = Depends(Awaitable)) -> None:
            found.append(it)

        bus.add_listener(Shelve, by_name if way == "named" else by_mark)
        async with AsyncLibrary() as transaction:
            if way == "declared":
                await service.execute("act")
            else:
                await bus.handle(Shelve(), transaction)
            await transaction.commit()
    assert [Awaitable, Awaitable] == [type(each) for each in found]


async def test_a_mock_of_an_awaitable_is_a_value() -> None:
    """It says that it is a task, and cannot be awaited."""
    found: list[object] = []
    double = mock.Mock(spec=asyncio.Task)
    bus: AsyncMessageBus[Any] = AsyncMessageBus(named=lambda: double)

    async def handle(
        command: Shelve, uow: object, named: Any, declared: Any = Depends(lambda: double)
    ) -> None:
        found.extend([named, declared])

    bus.add_listener(Shelve, handle)
    async with AsyncLibrary() as transaction:
        await bus.handle(Shelve(), transaction)
        await transaction.commit()
    assert [double, double] == found


@pytest.mark.parametrize(
    "result", [old_style, Awaitable, answer], ids=["old style", "object", "coroutine"]
)
def test_a_sync_bus_refuses_whatever_can_be_awaited(result: Any) -> None:
    """Not only coroutines of today."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(Shelve, lambda command, uow: result())
    with (
        pytest.raises(ConfigurationError, match="which sync code cannot await"),
        SyncLibrary() as transaction,
    ):
        bus.handle(Shelve(), transaction)


async def test_what_async_code_has_accepted_is_still_refused_by_sync_code() -> None:
    """The handler of a command may return an async generator in async code only."""
    async_bus, sync_bus = AsyncMessageBus[Any](), SyncMessageBus[Any]()

    def handler(command: Shelve, uow: object) -> Any:
        return letters()

    async_bus.add_listener(Shelve, handler)
    sync_bus.add_listener(Shelve, handler)
    async with AsyncLibrary() as transaction:
        result = await async_bus.handle(Shelve(), transaction)
        await transaction.commit()
    assert ["a"] == [each async for each in result]
    with (
        pytest.raises(ConfigurationError, match="async generator, which sync code cannot await"),
        SyncLibrary() as sync_transaction,
    ):
        sync_bus.handle(Shelve(), sync_transaction)


async def test_a_cancelled_call_leaves_no_coroutine_behind() -> None:
    """The plain handler has returned it, and nobody is there to await it."""
    consumer, begun, go_on = messagebus.asyncio.Consumer(), threading.Event(), threading.Event()
    returned: list[Any] = []

    def handle(event: str) -> Any:
        begun.set()
        go_on.wait()
        returned.append(answer())
        return returned[0]

    consumer.register(str, handle)
    call = asyncio.create_task(consumer.consume("event"))
    await asyncio.to_thread(begun.wait)
    call.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert inspect.getcoroutinestate(returned[0]) == inspect.CORO_CLOSED


def session() -> Iterator[str]:
    """Commit if the handler succeeds."""
    try:
        yield "session"
    except BaseException:
        ran.append("rolled back")
        raise
    ran.append("committed")


def test_a_dependency_sees_that_a_sync_handler_has_not_run() -> None:
    """The coroutine is refused before the generators end, so that none takes it for a success."""
    consumer, service = messagebus.Consumer(), messagebus.Service()

    @service.handler
    @decorated
    async def act(it: str = Depends(session)) -> None:
        """Never run."""

    def handle(event: str, it: str = Depends(session)) -> Any:
        return answer()

    consumer.register(str, handle)
    with pytest.raises(ConfigurationError, match=r"handle returned a coroutine"):
        consumer.consume("event")
    with pytest.raises(ConfigurationError, match=r"act returned a coroutine"):
        service.execute("act")
    with pytest.raises(ConfigurationError, match=r"act returned a coroutine"):
        act()
    assert ["rolled back"] * 3 == ran


async def test_a_dependency_sees_that_an_async_handler_has_not_run() -> None:
    """The same where a coroutine function returns a coroutine."""
    consumer = messagebus.asyncio.Consumer()

    async def handle(event: str, it: str = Depends(session)) -> Any:
        return answer()

    consumer.register(str, handle)
    with pytest.raises(ConfigurationError, match=r"handle returned a coroutine"):
        await consumer.consume("event")
    assert ["rolled back"] == ran


@inject
def plain(it: str = Depends(lambda: "it")) -> Any:
    """Return a coroutine, which the caller awaits."""
    return answer(it)


async def test_a_caller_may_await_what_an_injected_function_returns() -> None:
    """Nothing was opened that would be closed too early."""
    assert "answer" == await plain()


def numbers(*_: object) -> Iterator[int]:
    """Yield numbers."""
    ran.append("numbers")
    yield 1


async def letters(*_: object) -> AsyncIterator[str]:
    """Yield letters."""
    ran.append("letters")
    yield "a"


@pytest.mark.parametrize("generator", [numbers, letters])
async def test_a_generator_behind_a_decorator_is_refused_when_it_comes_back(generator: Any) -> None:
    """Nobody reads the result of a listener, so its body would not run."""
    hidden = decorated(generator)
    hidden.__dict__.pop("__wrapped__")
    async_bus, sync_bus = AsyncMessageBus[Any](), SyncMessageBus[Any]()
    async_bus.add_listener(BookRegistered, hidden)
    sync_bus.add_listener(BookRegistered, hidden)
    consumers = messagebus.asyncio.Consumer(), messagebus.Consumer()
    for consumer in consumers:
        consumer.register(str, lambda event: generator())
    event = BookRegistered(id="1")
    with pytest.raises(ConfigurationError, match=r"generator, (whose|which)"):
        async with AsyncLibrary() as transaction:
            await async_bus.handle(event, transaction)
    with (
        pytest.raises(ConfigurationError, match=r"generator, (whose|which)"),
        SyncLibrary() as sync_transaction,
    ):
        sync_bus.handle(event, sync_transaction)
    with pytest.raises(ConfigurationError, match=r"lambda> returned an? (async )?generator"):
        await consumers[0].consume("event")
    with pytest.raises(ConfigurationError, match=r"lambda> returned an? (async )?generator"):
        consumers[1].consume("event")
    assert [] == ran


@pytest.mark.parametrize("generator", [numbers, letters])
@pytest.mark.parametrize(
    ("base", "name"),
    [
        (AsyncLibrary, "commit"),
        (AsyncLibrary, "rollback"),
        (SyncLibrary, "commit"),
        (SyncLibrary, "rollback"),
        (AsyncDependency, "on_after_commit"),
        (SyncDependency, "on_after_rollback"),
        (AsyncRecordingEventstore, "_add"),
        (SyncAbstractEventstreamTransport, "send_message_serialized"),
    ],
)
def test_no_method_can_be_overridden_by_a_generator_function(
    base: type, name: str, generator: Any
) -> None:
    """A commit with a ``yield`` in it would commit nothing."""
    with pytest.raises(ConfigurationError, match="is a generator function"):
        type("Wrong", (base,), {name: generator})


@pytest.mark.parametrize(
    "method",
    [staticmethod(answer), functools.partialmethod(answer), functools.partial(answer)],
    ids=["staticmethod", "partialmethod", "partial"],
)
def test_a_coroutine_function_in_a_wrapper_of_python_is_seen(method: Any) -> None:
    """It is refused when the class is defined, or when it is registered."""
    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        type("Wrong", (SyncLibrary,), {"commit": method})
    if callable(method):
        with pytest.raises(ConfigurationError, match="is a coroutine function"):
            SyncMessageBus[Any]().add_listener(Shelve, method)


def test_a_mixin_with_a_coroutine_function_is_refused() -> None:
    """It overrides the method as well as the class itself would."""

    class Mixin:
        async def commit(self) -> None:
            """Never run."""

    with pytest.raises(ConfigurationError, match=r"Mixin\.commit is a coroutine function"):
        type("Wrong", (Mixin, SyncLibrary), {})
    type("Right", (SyncLibrary, Mixin), {})


def test_a_serializer_cannot_be_asynchronous() -> None:
    """Both colours call it without awaiting."""
    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        type("Wrong", (AbstractMessageSerializer,), {"serialize_message": answer})


@pytest.mark.parametrize("name", ["add", "publish_eventstream", "_add"])
def test_a_sync_eventstore_that_returns_a_coroutine_is_refused(name: str) -> None:
    """Whichever of its methods does, the message would not be stored or not be sent."""
    uow, bus = SyncLibrary(), SyncMessageBus[Any]()
    uow.eventstore = type("Wrong", (SyncRecordingEventstore,), {name: decorated(answer)})()
    with pytest.raises(ConfigurationError, match="returned a coroutine"), uow as transaction:
        bus.handle(BookRegistered(id="1"), transaction)
        transaction.commit()
    assert [] == ran


def test_an_async_eventstore_is_refused_in_a_sync_unit_of_work() -> None:
    """It would store nothing."""
    uow: Any = SyncLibrary()
    uow.eventstore = AsyncRecordingEventstore()
    with pytest.raises(ConfigurationError, match="returned a coroutine"), uow as transaction:
        SyncMessageBus[Any]().handle(BookRegistered(id="1"), transaction)


def test_a_sync_end_of_a_transaction_that_returns_a_coroutine_is_refused() -> None:
    """What it should release would stay acquired."""
    uow: Any = type("Wrong", (SyncLibrary,), {"end_transaction": decorated(answer)})()
    with pytest.raises(ConfigurationError, match="returned a coroutine"), uow as transaction:
        transaction.add_dependency(quiet())
        transaction.commit()


def quiet() -> SyncDependency:
    """Return a dependency whose hooks do nothing."""

    class Quiet(SyncDependency):
        def on_after_commit(self) -> None:
            """Do nothing."""

        def on_after_rollback(self) -> None:
            """Do nothing."""

    return Quiet()


@pytest.mark.parametrize("outcome", [None, True, "coroutine", "task", "future", "awaitable"])
@pytest.mark.parametrize("name", ["commit", "rollback", "end_transaction"])
async def test_plain_methods_of_an_async_unit_of_work_are_called_and_awaited(
    outcome: Any, name: str
) -> None:
    """A unit of work in memory has nothing to await; a wrapper hides that it has."""
    results = {"coroutine": answer, "task": task, "future": future, "awaitable": Awaitable}

    def method(self: Any) -> Any:
        ran.append(name)
        if name == "end_transaction":
            self._uow_state.running.clear()
        return results[outcome]() if isinstance(outcome, str) else outcome

    uow: Any = type("Plain", (AsyncLibrary,), {name: method})()
    async with uow as transaction:
        transaction.add_dependency(AsyncQuiet())
        await (transaction.rollback() if name == "rollback" else transaction.commit())
    assert name == ran[0]
    assert "closed" == transaction.status.value


class AsyncQuiet(AsyncDependency):
    """A dependency whose hooks are plain."""

    def on_after_commit(self) -> None:  # type: ignore[override]
        """Do nothing."""

    def on_after_rollback(self) -> None:  # type: ignore[override]
        """Do nothing."""


async def test_plain_stores_and_transports_work_in_async_code() -> None:
    """One that has nothing to await need not be a coroutine function."""
    sent: list[object] = []

    class Plain(AsyncAbstractEventstreamTransport):
        def send_message_serialized(self, message: Mapping[str, Any]) -> None:  # type: ignore[override]
            sent.append(message)

    class Sync(SyncAbstractEventstreamTransport):
        def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            sent.append(message)

    class Store(AsyncRecordingEventstore):
        def _add(self, message: Any) -> None:  # type: ignore[override]
            ran.append("added")

    event = BookRegistered(id="1")
    await AsyncEventstreamPublisher(Plain()).send_message(event)
    await AsyncEventstreamPublisher(Sync()).send_message(event)  # type: ignore[arg-type]
    await Plain().send_messages_serialized([{}])
    uow = AsyncLibrary()
    uow.eventstore = Store()
    async with uow as transaction:
        await AsyncMessageBus[Any]().handle(event, transaction)
        await transaction.commit()
    assert (3, ["added"]) == (len(sent), ran)


def test_a_sync_publisher_refuses_an_async_transport_when_it_is_made() -> None:
    """Not at the first message, after the commit."""

    class Transport(AsyncAbstractEventstreamTransport):
        async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            """Never run."""

    transport: Any = Transport()
    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        SyncEventstreamPublisher(transport)


async def test_a_hook_that_returns_a_coroutine_unawaited_is_reported() -> None:
    """A coroutine function that forgets to await another one has done nothing."""

    class Forgetful(AsyncQuiet):
        async def on_after_commit(self) -> Any:  # type: ignore[override]
            return answer()

    with pytest.raises(ExceptionGroup) as caught:
        async with AsyncLibrary() as transaction:
            transaction.add_dependency(Forgetful())
            await transaction.commit()
    assert "that nothing awaits" in str(caught.value.exceptions[0])


def test_an_asynchronous_generator_of_action_names_is_refused() -> None:
    """The action would have a coroutine for a name."""
    generator: Any = numbers
    service = messagebus.Service(generator=generator)
    with pytest.raises(ConfigurationError, match="must return the name of an action"):
        service.handler(plain)


async def test_a_stop_iteration_from_a_blocking_call_ends_the_wait() -> None:
    """A future cannot carry it, so a transport that writes in a thread would wait for ever."""

    def exhausted() -> object:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="raised StopIteration") as caught:
        async with asyncio.timeout(30):
            await in_thread(exhausted)
    assert isinstance(caught.value.__cause__, StopIteration)


@pytest.mark.parametrize("end", [StopIteration, StopAsyncIteration])
def test_the_end_of_an_iterator_reaches_the_caller_through_open_dependencies(end: Any) -> None:
    """Neither a plain generator nor an async one on the private loop swallows it."""

    async def connection() -> AsyncIterator[str]:
        try:
            yield "connection"
        except end:
            ran.append("seen")
            raise

    @inject
    def call(first: str = Depends(session), second: str = Depends(connection)) -> None:
        raise end

    with pytest.raises(end):
        call()
    assert ["seen", "rolled back"] == ran


async def test_a_stop_iteration_of_an_async_dependency_becomes_a_runtime_error() -> None:
    """A plain dependency runs inside of a coroutine, which cannot let it out."""
    service = messagebus.asyncio.Service()

    def exhausted() -> object:
        return next(iter(()))

    @service.handler
    async def act(first: str = Depends(session), second: Any = Depends(exhausted)) -> None:
        """Never run."""

    with pytest.raises(RuntimeError, match="StopIteration"):
        await service.execute("act")
    assert ["rolled back"] == ran
