"""Calls of handlers and dependencies, for code that runs in an event loop.

`asyncio` is imported when a worker thread is needed, not before: programs that do not wait at all
import this as well.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import GeneratorDependencyError
from . import generators
from .callables import is_coroutine_function
from .generators import AGAIN, END, NEVER, succeeding

if TYPE_CHECKING:
    import asyncio

AnyGenerator: TypeAlias = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]

WAITS = True

_GENERATORS = (GeneratorType, AsyncGeneratorType)


def adapt(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a coroutine function that calls a handler; a plain one runs in a worker thread.

    The thread sees the context variables of the caller. A thread cannot be stopped, so a cancelled
    caller waits until the handler returns: nothing is closed while it is still in use.
    """
    if is_coroutine_function(function):
        return function

    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        import asyncio

        call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
        thread = asyncio.get_running_loop().run_in_executor(None, call)
        try:
            outcome = await asyncio.shield(thread)
        except asyncio.CancelledError as end:
            failure = await _ended(thread)
            if failure is not None:
                raise end from failure
            raise
        return await outcome if type(outcome) is CoroutineType else outcome

    return in_thread


async def enter(value: Any, opens: bool, opened: list[AnyGenerator]) -> Any:
    """Return what a dependency gives that is a coroutine, or a generator that *opens*.

    Such a generator is among the *opened* from then on. Anything else is the value itself.

    Raises:
        GeneratorDependencyError: it does not yield.
    """
    if type(value) is CoroutineType:
        return await value
    if not opens or type(value) not in _GENERATORS:
        return value
    generator = value
    if type(generator) is GeneratorType:
        value = generators.started(generator)
    else:
        value = await anext(generator, END)
        if value is END:
            raise GeneratorDependencyError(generator, NEVER)
    opened.append(generator)
    return value


async def exit(generator: AnyGenerator) -> None:
    """Run a generator from its ``yield`` to its end.

    Raises:
        GeneratorDependencyError: it yields again.
    """
    if isinstance(generator, Generator):
        generators.exit(generator)
    elif await anext(generator, END) is not END:
        await generator.aclose()
        raise GeneratorDependencyError(generator, AGAIN)


async def throw(generator: AnyGenerator, failure: BaseException) -> BaseException:
    """Throw a failure into a generator at its ``yield``, and return what has failed now."""
    if isinstance(generator, Generator):
        return generators.throw(generator, failure)
    traceback = failure.__traceback__
    try:
        await generator.athrow(failure)
        await generator.aclose()
    except StopAsyncIteration:
        return failure
    except BaseException as raised:  # noqa: BLE001 - handed back, not handled
        return succeeding(failure, raised)
    else:
        return succeeding(failure, GeneratorDependencyError(generator, AGAIN))
    finally:
        failure.__traceback__ = traceback


async def _ended(thread: asyncio.Future[Any]) -> BaseException | None:
    """Wait for the end of a thread, however often that is cancelled; return how it has failed."""
    import asyncio

    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError:
            continue
    return None if thread.cancelled() else thread.exception()
