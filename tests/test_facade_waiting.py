"""The facade in an event loop: cancellation, worker threads, concurrent calls, private loops."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from messagebus import Depends, RunningLoopError
from messagebus.asyncio import Consumer, Producer, Publisher, Service, Subscriber, inject
from tests.dependencies import CLOSING, MAKERS, Log, Maker, a_generator, chain

DEPTHS = [1, 2, 3]


@dataclass
class Happened:
    """An event."""

    number: int = 0


async def cancelled(waits: Awaitable[Any], started: asyncio.Event) -> None:
    """Cancel a call once it has reached a point."""
    task = asyncio.ensure_future(waits)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", MAKERS)
async def test_a_handler_that_is_cancelled_leaves_nothing_open(
    maker: Maker, depth: int, overridden: bool
) -> None:
    """Every dependency sees the cancellation and is closed, the last opened first."""
    dependencies = chain(maker, depth, overridden=overridden)
    consumer, started = Consumer(), asyncio.Event()

    @consumer.handler
    async def handle(event: Happened, value: str = Depends(dependencies.last)) -> None:
        started.set()
        await asyncio.Event().wait()

    dependencies.override(consumer)
    await cancelled(consumer.consume(Happened()), started)

    after = [f"close {level} after CancelledError" for level in range(depth, 0, -1)]
    opened = [f"open {level}" for level in range(1, depth + 1)]
    assert opened + (after if maker in CLOSING else []) == dependencies.log


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", CLOSING)
async def test_a_set_up_that_is_cancelled_leaves_nothing_open(maker: Maker, depth: int) -> None:
    """Open dependencies are closed, and the handler is not called."""
    dependencies = chain(maker, depth)
    consumer, started = Consumer(), asyncio.Event()

    async def slow(below: str = Depends(dependencies.last)) -> AsyncIterator[str]:
        started.set()
        await asyncio.Event().wait()
        yield below

    @consumer.handler
    async def handle(event: Happened, value: str = Depends(slow)) -> None:
        dependencies.log.append("handle")

    await cancelled(consumer.consume(Happened()), started)

    after = [f"close {level} after CancelledError" for level in range(depth, 0, -1)]
    assert [*(f"open {level}" for level in range(1, depth + 1)), *after] == dependencies.log


@pytest.mark.parametrize("maker", CLOSING)
async def test_a_clean_up_that_is_cancelled_does_not_keep_others_open(maker: Maker) -> None:
    """The remaining dependencies see the cancellation."""
    dependencies = chain(maker, 2)
    consumer, started = Consumer(), asyncio.Event()

    async def slow(below: str = Depends(dependencies.last)) -> AsyncIterator[str]:
        yield below
        started.set()
        await asyncio.Event().wait()

    @consumer.handler
    async def handle(event: Happened, value: str = Depends(slow)) -> None: ...

    await cancelled(consumer.consume(Happened()), started)

    after = ["close 2 after CancelledError", "close 1 after CancelledError"]
    assert ["open 1", "open 2", *after] == dependencies.log


@pytest.mark.parametrize("moment", range(14))
async def test_a_cancellation_at_any_moment_leaves_nothing_open(moment: int) -> None:
    """Open dependencies are closed, the last opened first, whatever is cancelled."""
    opened: list[int] = []
    closed: list[int] = []

    def opening(number: int, below: Any) -> Any:
        async def dependency(value: None = below) -> AsyncIterator[None]:
            await asyncio.sleep(0)
            opened.append(number)
            try:
                yield
                await asyncio.sleep(0)
            finally:
                closed.append(number)

        return dependency

    first = opening(1, None)
    second = opening(2, Depends(first))
    third = opening(3, Depends(second))

    @inject
    async def act(value: None = Depends(third)) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    task = asyncio.ensure_future(act())
    for _ in range(moment):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    [outcome] = await asyncio.gather(task, return_exceptions=True)

    assert opened == closed[::-1]
    assert was_done == (outcome is None)


async def test_a_cancellation_ends_a_delivery_and_shows_failures_before_it() -> None:
    """Later handlers are not called; earlier failures are the cause of the cancellation."""
    log: Log = []
    consumer = Consumer()

    @consumer.handler
    async def fail(event: Happened) -> None:
        raise ValueError("before")

    @consumer.handler
    async def stop(event: Happened) -> None:
        raise asyncio.CancelledError

    @consumer.handler
    async def never(event: Happened) -> None:
        log.append("never")

    with pytest.raises(asyncio.CancelledError) as raised:
        await consumer.consume(Happened())

    assert [] == log
    assert isinstance(raised.value.__cause__, ExceptionGroup)
    assert [ValueError] == [type(each) for each in raised.value.__cause__.exceptions]


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def test_a_plain_handler_runs_in_a_worker_thread_with_context_variables() -> None:
    """It cannot stall the loop, and sees the caller's context variables."""
    consumer = Consumer()
    seen: list[Any] = []

    @consumer.handler
    def handle(event: Happened, thread: int = Depends(threading.get_ident)) -> None:
        seen.extend([thread, threading.get_ident(), variable.get()])
        variable.set("in the thread")

    variable.set("of the caller")
    await consumer.consume(Happened())

    dependency, handler, value = seen
    assert threading.get_ident() == dependency
    assert threading.get_ident() != handler
    assert "of the caller" == value == variable.get()


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_plain_handler_has_dependencies_of_every_kind(maker: Maker) -> None:
    """They stay open while the thread runs."""
    dependencies = chain(maker, 2)
    service = Service()

    @service.handler
    def act(value: str = Depends(dependencies.last)) -> str:
        dependencies.log.append("act")
        return value

    assert "21" == await service.execute("act")
    closing = ["close 2", "close 1"] if maker in CLOSING else []
    assert ["open 1", "open 2", "act", *closing] == dependencies.log


async def test_what_a_plain_handler_raises_arrives() -> None:
    """The error passes from the worker thread to the caller."""
    service = Service()

    @service.handler
    def act() -> None:
        raise ValueError("in the thread")

    with pytest.raises(ValueError, match="in the thread"):
        await service.execute("act")


async def test_a_coroutine_that_a_plain_handler_returns_is_awaited() -> None:
    """A plain callable may wrap a coroutine function."""
    service = Service()

    async def later(value: int) -> int:
        return value

    @service.handler
    def act(value: int) -> Any:
        return later(value)

    assert 3 == await service.execute("act", 3)


@pytest.mark.parametrize("failure", [None, ValueError("in the end")])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_plain_handler_is_waited_for_when_its_caller_is_cancelled(
    times: int, failure: Exception | None
) -> None:
    """A thread cannot be stopped, so its dependencies stay open until it ends."""
    dependencies = chain(a_generator, 1)
    consumer = Consumer()
    begun, end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @consumer.handler
    def handle(event: Happened, value: str = Depends(dependencies.last)) -> None:
        loop.call_soon_threadsafe(begun.set)
        end.wait()
        dependencies.log.append("handled")
        if failure is not None:
            raise failure

    task = asyncio.ensure_future(consumer.consume(Happened()))
    await begun.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.001)
    assert ["open 1"] == dependencies.log
    end.set()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task

    assert raised.value.__cause__ is failure
    assert ["open 1", "handled", "close 1 after CancelledError"] == dependencies.log


async def test_a_plain_handler_called_directly_is_a_plain_call() -> None:
    """The decorator does not turn a plain function into a coroutine function."""
    service = Service()

    @service.handler
    def act(value: int, thread: int = Depends(threading.get_ident)) -> tuple[int, int]:
        return value, thread

    assert (3, threading.get_ident()) == act(3)


async def test_an_override_does_not_affect_a_running_call() -> None:
    """A call keeps the dependencies that it started with; later calls see the change."""
    service = Service()
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> str:
        waiting.set()
        await go_on.wait()
        return "first"

    def second() -> str:
        return "second"

    @service.handler
    async def act(one: str = Depends(first), two: str = Depends(second)) -> str:
        return f"{one} {two}"

    running = asyncio.ensure_future(act())
    await waiting.wait()
    with service.override(second, lambda: "replaced"):
        go_on.set()
        assert "first second" == await running
        assert "first replaced" == await act()
    assert "first second" == await act()


async def test_concurrent_calls_have_dependencies_of_their_own() -> None:
    """No call sees the dependencies of another."""
    service = Service()
    opened: Log = []

    async def connection() -> AsyncIterator[str]:
        opened.append("open")
        name = f"connection {len(opened)}"
        await asyncio.sleep(0)
        yield name
        opened.append("close")

    @service.handler
    async def act(one: str = Depends(connection)) -> str:
        await asyncio.sleep(0)
        return one

    assert 2 == len(set(await asyncio.gather(act(), act())))
    assert 2 == opened.count("open") == opened.count("close")


# A plain function with asynchronous dependencies


async def number() -> int:
    """Return a number."""
    await asyncio.sleep(0)
    return 1


async def numbers(one: int = Depends(number)) -> AsyncIterator[int]:
    """Yield another number."""
    yield one + 1


@inject
def add(three: int, two: int = Depends(numbers)) -> int:
    """Add numbers."""
    return three + two


def test_a_plain_call_waits_for_asynchronous_dependencies_on_a_private_loop() -> None:
    """The call works if no loop is running."""
    assert 5 == add(3)


async def test_with_a_running_loop_the_error_says_what_to_do() -> None:
    """Nothing is left open or unawaited, and a thread is a workaround."""
    with pytest.raises(RunningLoopError, match="synchronous call cannot await") as raised:
        add(3)

    assert "asyncio.to_thread" in raised.value.__notes__[0]
    assert 5 == await asyncio.to_thread(add, 3)


def test_one_private_loop_serves_a_call_and_those_within_it() -> None:
    """All dependencies of the call may share an object that is bound to a loop."""

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def opened(own: Any = Depends(loop)) -> AsyncIterator[list[Any]]:
        yield [own, asyncio.get_running_loop()]

    @inject
    def inner(own: Any = Depends(loop)) -> Any:
        return own

    @inject
    def outer(loops: list[Any] = Depends(opened), own: Any = Depends(loop)) -> list[Any]:
        return [*loops, own, inner(), inner()]

    loops = outer()
    assert 1 == len(set(map(id, loops)))
    assert loops[0].is_closed()
    assert inner() is not loops[0]


def test_a_private_loop_is_closed_after_a_failure() -> None:
    """The next call opens a new one."""

    async def failing() -> None:
        raise ValueError("no")

    @inject
    def act(nothing: None = Depends(failing)) -> None: ...

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            act()
    assert 5 == add(3)


def test_threads_have_private_loops_of_their_own() -> None:
    """Calls in several threads do not share a loop."""
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(add(3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [5] * 8 == results


# All components


def everything() -> list[tuple[Any, Callable[..., Any]]]:
    """Return each component, with a way to call its handler."""
    consumer, subscriber, service = Consumer(), Subscriber(), Service()
    producer, publisher = Producer(), Publisher()
    producer.register(consumer)
    publisher.register(subscriber)
    return [
        (consumer, lambda event: consumer.consume(event)),
        (consumer, lambda event: producer.dispatch(event)),
        (subscriber, lambda event: subscriber.receive(event, "topic")),
        (subscriber, lambda event: publisher.publish(event, "topic")),
        (service, lambda event: service.execute("handle", event)),
    ]


@pytest.mark.parametrize("index", range(5))
async def test_every_component_stays_open_for_plain_and_waiting_handlers(index: int) -> None:
    """Sync and async handlers have sync and async dependencies in every component."""
    component, call = everything()[index]
    log: Log = []

    def plain() -> Iterator[str]:
        yield "plain"
        log.append("close plain")

    async def waiting(above: str = Depends(plain)) -> AsyncIterator[str]:
        yield f"waiting for {above}"
        log.append("close waiting")

    def handle(event: Happened, value: str = Depends(waiting)) -> None:
        time.sleep(0)
        log.append(value)

    if isinstance(component, Subscriber):
        component.register("topic", handle)
    else:
        component.handler(handle)
    await call(Happened())

    assert ["waiting for plain", "close waiting", "close plain"] == log
