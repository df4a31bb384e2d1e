"""Calls of handlers and dependencies, for async code.

`asyncio` is imported only when a function needs it: sync programs import this module, too.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..exceptions import ConfigurationError, GeneratorDependencyError
from . import generators
from .callables import (
    SETTLED,
    describe,
    ensure_calls_on,
    is_awaitable,
    is_coroutine_function,
    overriding,
    refuse_generator,
    refuse_wrong_colour,
    remember_settled,
)
from .generators import AGAIN, END, NEVER, chain_failures

if TYPE_CHECKING:
    import asyncio


R = TypeVar("R")
AnyGenerator: TypeAlias = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]
Eventually: TypeAlias = Awaitable[R] | R
"""The type of a result that is either there at once or must be awaited."""

WAITS = True

_GENERATORS = (GeneratorType, AsyncGeneratorType)
_NAMES = ("__module__", "__name__", "__qualname__")


def adapt(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a coroutine function that calls a handler; a plain function runs in a worker thread.

    The thread sees the context variables of the caller. A thread cannot be stopped, so a cancelled
    caller waits until the handler returns. Otherwise dependencies would be closed while in use.
    """
    if is_coroutine_function(function):
        return function

    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        import asyncio

        context = contextvars.copy_context()
        call = functools.partial(context.run, call_in_thread, function, *args, **kwargs)
        thread = asyncio.get_running_loop().run_in_executor(None, call)
        try:
            outcome = await asyncio.shield(thread)
        except asyncio.CancelledError as end:
            failure = await _wait_for_end(thread)
            if failure is not None:
                raise end from failure
            if not thread.cancelled() and type(outcome := thread.result()) is CoroutineType:
                outcome.close()  # the call was cancelled before it began
            raise
        return await settle(outcome, function)

    return functools.update_wrapper(in_thread, function, _NAMES, ())


def ensure_own_colour(middleware: Callable[..., Any]) -> None:
    """Ensure that middleware can await what it calls.

    Raises:
        ConfigurationError: it is no coroutine function.
    """
    ensure_calls_on(middleware)
    if not is_coroutine_function(middleware):
        text = f"{describe(middleware)} is no coroutine function, so it cannot await *call_next*"
        raise ConfigurationError(text, listener=middleware, advice="Define it with async def.")


def call_in_thread(function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Call a function in a worker thread.

    Raises:
        RuntimeError: the function let a StopIteration out. A future cannot carry that, so it
            becomes the same as in a coroutine (PEP 479).
    """
    try:
        return function(*args, **kwargs)
    except StopIteration as error:
        text = f"{describe(function)} raised StopIteration"
        raise RuntimeError(text) from error


def adapt_methods(cls: type) -> None:
    """Let a subclass override coroutine methods of this package by plain methods.

    Raises:
        ConfigurationError: as for `refuse_wrong_colour`.
    """
    refuse_wrong_colour(cls)
    for name, method, overridden in overriding(cls):
        if (
            isinstance(method, FunctionType)
            and is_coroutine_function(overridden)
            and not is_coroutine_function(method)
            and not getattr(method, "__isabstractmethod__", False)
        ):
            setattr(cls, name, _settling(method))


def _settling(method: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await settle(method(*args, **kwargs), method)

    return call


async def settle(result: Any, function: Callable[..., Any]) -> Any:
    """Return what a function returned; await it first if that is possible.

    Raises:
        ConfigurationError: there is a coroutine left that nobody would await.
    """
    if is_awaitable(result):
        result = await result
    ensure_settled(result, function)
    return result


async def finish(result: Any, function: Callable[..., Any]) -> None:
    """Await what a function returned if that is possible; nobody reads the outcome.

    Raises:
        ConfigurationError: there is a coroutine or a generator left, whose body would not run.
    """
    if is_awaitable(result):
        result = await result
    if result is not None:
        ensure_finished(result, function)


def ensure_finished(result: object, function: Callable[..., Any]) -> None:
    """Ensure that nothing is left to run of a result that nobody reads.

    Raises:
        ConfigurationError: it is a coroutine or a generator, whose body would not run.
    """
    ensure_settled(result, function)
    refuse_generator(result, function)


def ensure_settled(result: object, function: Callable[..., Any]) -> None:
    """Ensure that a function did not return a coroutine.

    Args:
        result: what the function returned; what a coroutine function returned, awaited.
        function: the function, for the error.

    Raises:
        ConfigurationError: it did, and nobody would await the coroutine.
    """
    if type(result) in SETTLED:
        return
    if type(result) is CoroutineType:
        result.close()
        text = f"{describe(function)} returned a coroutine that nothing awaits"
        raise ConfigurationError(text, listener=function, advice="Await it in the function.")
    if not is_awaitable(result):
        remember_settled(type(result))


async def enter(value: Any, opens: bool, opened: list[AnyGenerator]) -> Any:
    """Return the value of a dependency: await it if possible, open a generator if it *opens*.

    An open generator is appended to *opened*. Anything else is the value itself.

    Raises:
        GeneratorDependencyError: the generator does not yield.
    """
    if type(value) is CoroutineType:
        return await value
    if not opens or type(value) not in _GENERATORS:
        if is_awaitable(value):
            return await value
        remember_settled(type(value))
        return value
    generator = value
    if type(generator) is GeneratorType:
        value = generators.start(generator)
    else:
        value = await anext(generator, END)
        if value is END:
            raise GeneratorDependencyError(generator, NEVER)
    opened.append(generator)
    return value


async def exit(generator: AnyGenerator) -> None:
    """Run a generator from its ``yield`` to its end.

    Raises:
        GeneratorDependencyError: the generator yields again.
    """
    if isinstance(generator, Generator):
        generators.exit(generator)
    elif await anext(generator, END) is not END:
        await generator.aclose()
        raise GeneratorDependencyError(generator, AGAIN)


async def throw(generator: AnyGenerator, failure: BaseException) -> BaseException:
    """Throw a failure into a generator at its ``yield``; return the failure to propagate."""
    if isinstance(generator, Generator):
        return generators.throw(generator, failure)
    traceback = failure.__traceback__
    try:
        await generator.athrow(failure)
        await generator.aclose()
    except StopAsyncIteration:
        return failure
    except BaseException as raised:  # noqa: BLE001 - returned to the caller
        return chain_failures(failure, raised)
    else:
        return chain_failures(failure, GeneratorDependencyError(generator, AGAIN))
    finally:
        failure.__traceback__ = traceback


async def _wait_for_end(thread: asyncio.Future[Any]) -> BaseException | None:
    """Wait for the end of a thread, even if cancelled repeatedly; return its exception."""
    import asyncio

    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError:
            continue
    return None if thread.cancelled() else thread.exception()
