"""Calls of handlers and dependencies, for sync code.

Async dependencies run on a private event loop. The outermost call in a thread that needs a loop
opens it, and closes it at its end. `asyncio` is imported only then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..exceptions import ConfigurationError, RunningLoopError
from . import generators
from .callables import describe, is_coroutine_function

if TYPE_CHECKING:
    import asyncio

WAITS = False

_GENERATORS = (GeneratorType, AsyncGeneratorType)

R = TypeVar("R")
AnyGenerator: TypeAlias = Generator[Any, Any, Any]

exit = generators.exit
sleep = time.sleep
throw = generators.throw


class _Local(threading.local):
    loop: asyncio.Runner | None = None


_local = _Local()


def adapt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a plain handler as it is.

    Raises:
        ConfigurationError: the handler is a coroutine function, which sync code cannot await.
    """
    if is_coroutine_function(function):
        text = f"{describe(function)} is a coroutine function, which sync code cannot await"
        advice = "Use AsyncMessageBus, or the class of the same name in messagebus.asyncio."
        raise ConfigurationError(text, listener=function, advice=advice)
    return function


def enter(value: Any, opens: bool, opened: list[AnyGenerator]) -> Any:
    """Return the value of a dependency: run a coroutine, open a generator if it *opens*.

    An open generator is appended to *opened*. Anything else is the value itself.

    Raises:
        GeneratorDependencyError: the generator does not yield.
        RunningLoopError: the dependency is async, and an event loop is running in this thread.
    """
    if type(value) is CoroutineType:
        try:
            loop = _private_loop(value, opened)
        except BaseException:
            value.close()
            raise
        return loop.run(value)
    if not opens or type(value) not in _GENERATORS:
        return value
    generator = value
    if type(generator) is not GeneratorType:
        generator = _drive(generator, _private_loop(generator, opened))
    value = generators.start(generator)
    opened.append(generator)
    return value


def _drive(generator: AsyncGenerator[Any, Any], loop: asyncio.Runner) -> Generator[Any, Any, None]:
    """Return a plain generator that runs an async one on the loop."""
    from . import aio

    value = loop.run(aio.enter(generator, True, []))
    try:
        yield value
    except BaseException as failure:
        failure_now = loop.run(aio.throw(generator, failure))
        if failure_now is failure:
            raise
        generators.reraise(failure_now)
    else:
        loop.run(aio.exit(generator))


def _private_loop(dependency: object, opened: list[AnyGenerator]) -> asyncio.Runner:
    """Return the private loop of this thread; open it on first use."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if _local.loop is None:
            holder = _hold_loop()
            _local.loop = next(holder)
            opened.insert(0, holder)
        return _local.loop
    raise RunningLoopError(dependency)


def _hold_loop() -> Generator[asyncio.Runner, None, None]:
    import asyncio

    try:
        with asyncio.Runner() as loop:
            yield loop
    finally:
        _local.loop = None


def in_thread(function: Callable[..., R], *arguments: object) -> R:
    """Call a function that blocks, in this thread: nothing else waits for it."""
    return function(*arguments)


def together(*calls: Callable[[], None]) -> None:
    """Make all calls concurrently, each in a thread; return when all have returned."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(calls)) as threads:
        for future in [threads.submit(call) for call in calls]:
            future.result()
