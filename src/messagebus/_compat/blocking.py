"""Calls of handlers and dependencies, for plain code.

What can only be waited for runs on a private event loop, opened for the outermost call in the
thread that needs one and closed with it; `asyncio` is not imported before.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ConfigurationError, RunningLoopError
from .callables import describe, is_coroutine_function
from .generators import exit, reraise, started, throw

if TYPE_CHECKING:
    import asyncio

WAITS = False

_GENERATORS = (GeneratorType, AsyncGeneratorType)

AnyGenerator: TypeAlias = Generator[Any, Any, Any]

__all__ = ["WAITS", "AnyGenerator", "adapt", "enter", "exit", "throw"]


class _Local(threading.local):
    loop: asyncio.Runner | None = None


_local = _Local()


def adapt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a handler: the handler itself.

    Raises:
        ConfigurationError: the handler is a coroutine function, which plain code cannot await.
    """
    if is_coroutine_function(function):
        text = f"{describe(function)} is a coroutine function: nobody could wait for it here"
        error = ConfigurationError(text, listener=function)
        error.add_note(
            "Use an AsyncMessageBus, or what messagebus.asyncio has under the same name."
        )
        raise error
    return function


def enter(value: Any, opens: bool, opened: list[AnyGenerator]) -> Any:
    """Return what a dependency gives that is a coroutine, or a generator that *opens*.

    Such a generator is among the *opened* from then on. Anything else is the value itself.

    Raises:
        GeneratorDependencyError: it does not yield.
        RunningLoopError: an event loop is running in this thread, and it would need one.
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
        generator = _driven(generator, _private_loop(generator, opened))
    value = started(generator)
    opened.append(generator)
    return value


def _driven(generator: AsyncGenerator[Any, Any], loop: asyncio.Runner) -> Generator[Any, Any, None]:
    """Do as the generator does, on the loop."""
    from . import aio

    value = loop.run(aio.enter(generator, True, []))
    try:
        yield value
    except BaseException as failure:
        failure_now = loop.run(aio.throw(generator, failure))
        if failure_now is failure:
            raise
        reraise(failure_now)
    else:
        loop.run(aio.exit(generator))


def _private_loop(dependency: object, opened: list[AnyGenerator]) -> asyncio.Runner:
    """Return the private loop of this thread; open it if this is the first use."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if _local.loop is None:
            holder = _loop_held()
            _local.loop = next(holder)
            opened.insert(0, holder)
        return _local.loop
    raise RunningLoopError(dependency)


def _loop_held() -> Generator[asyncio.Runner, None, None]:
    import asyncio

    try:
        with asyncio.Runner() as loop:
            yield loop
    finally:
        _local.loop = None
