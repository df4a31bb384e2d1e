"""Calls of handlers and dependencies, for sync code.

Async dependencies run on a private event loop. The outermost call in a thread that needs a loop
opens it, and closes it at its end. `asyncio` is imported only then.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from ..exceptions import ConfigurationError, RunningLoopError
from . import generators
from .callables import (
    SETTLED,
    describe,
    describe_kind,
    ensure_calls_on,
    is_awaitable,
    is_coroutine_function,
    refuse_generator,
    refuse_wrong_colour,
    remember_settled,
)

if TYPE_CHECKING:
    import asyncio

WAITS = False

_ADVICE = "Use AsyncMessageBus, or the class of the same name in messagebus.asyncio."

_GENERATORS = (GeneratorType, AsyncGeneratorType)

R = TypeVar("R")
AnyGenerator: TypeAlias = Generator[Any, Any, Any]
Eventually: TypeAlias = Annotated[R, "at once"]
"""The type of a result that is there at once."""

adapt_methods = refuse_wrong_colour
exit = generators.exit
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
        raise ConfigurationError(text, listener=function, advice=_ADVICE)
    return function


def ensure_own_colour(middleware: Callable[..., Any]) -> None:
    """Ensure that middleware is a plain function.

    Raises:
        ConfigurationError: it is a coroutine function or a generator function, or cannot be called.
    """
    ensure_calls_on(middleware)
    adapt(middleware)


def settle(result: Any, function: Callable[..., Any]) -> Any:
    """Return what a function returned.

    Raises:
        ConfigurationError: sync code cannot await it.
    """
    ensure_settled(result, function)
    return result


def ensure_settled(result: object, function: Callable[..., Any]) -> None:
    """Ensure that a function did not return what sync code would have to await.

    Args:
        result: what the function returned.
        function: the function, for the error.

    Raises:
        ConfigurationError: it did.
    """
    if type(result) in SETTLED:
        return
    if type(result) is AsyncGeneratorType or is_awaitable(result):
        if type(result) is CoroutineType:
            result.close()
        text = (
            f"{describe(function)} returned {describe_kind(result)}, which sync code cannot await"
        )
        raise ConfigurationError(text, listener=function, advice=_ADVICE)
    remember_settled(type(result))


def ensure_finished(result: object, function: Callable[..., Any]) -> None:
    """Ensure that nothing is left to run of a result that nobody reads.

    Raises:
        ConfigurationError: sync code would have to await it, or it is a generator.
    """
    ensure_settled(result, function)
    refuse_generator(result, function)


finish = ensure_finished


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
        return _Variables().run(loop, value)
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

    variables = _Variables()
    value = variables.run(loop, aio.enter(generator, True, []))
    try:
        yield value
    except BaseException as failure:
        failure_now = variables.run(loop, aio.throw(generator, failure))
        if failure_now is failure:
            raise
        generators.reraise(failure_now)
    else:
        variables.run(loop, aio.exit(generator))


class _Variables:
    """Context variables of an async dependency, which sees those of its caller and sets them.

    All steps of a dependency run in one context, so that it can reset what it has set.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._tokens: dict[contextvars.ContextVar[Any], contextvars.Token[Any]] = {}

    def run(self, loop: asyncio.Runner, step: Coroutine[Any, Any, R]) -> R:
        """Run a step of the dependency on a loop."""
        for variable, value in contextvars.copy_context().items():
            if self._context.get(variable, generators.END) is not value:
                self._context.run(variable.set, value)
        before = self._context.copy()
        try:
            return loop.run(step, context=self._context)
        finally:
            self._adopt(before)

    def _adopt(self, before: contextvars.Context) -> None:
        """Set the variables of the caller that the dependency has changed since *before*."""
        for variable, value in self._context.items():
            if before.get(variable, generators.END) is not value:
                token = variable.set(value)
                self._tokens.setdefault(variable, token)
        for variable in self._tokens.keys() - self._context.keys():
            with suppress(ValueError):  # the caller has changed to another context
                variable.reset(self._tokens.pop(variable))


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
        # The factory keeps the runner from replacing the loop that is set for this thread.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
            yield loop
    finally:
        _local.loop = None
