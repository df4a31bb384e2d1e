"""Names, keys and kinds of callables."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import (
    AsyncGeneratorType,
    BuiltinMethodType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import Any

from ..exceptions import ConfigurationError

_PACKAGE = __name__.partition(".")[0]

MARK = "__messagebus_listener__"
"""The attribute that marks a listener."""


UNFINISHED = (CoroutineType, GeneratorType, AsyncGeneratorType)
"""The types of results that must be awaited or opened to give a value."""


SETTLED: set[type] = {type(None)}
"""Types of values without a body to run: a lookup here is cheaper than one of ``__await__``."""
_MAX_SETTLED = 1_000


def is_awaitable(value: object) -> bool:
    """Return whether a value can be awaited.

    Its type decides, as for ``await``. `inspect.isawaitable` also asks the value for its class, and
    a mock or a proxy answers with the class that it stands for.
    """
    if type(value) is GeneratorType:
        return bool(value.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)
    return hasattr(type(value), "__await__")


def remember_settled(kind: type) -> None:
    """Note a type whose values have no body to run, in either colour."""
    if kind in UNFINISHED:  # `types.coroutine` makes generators that can
        return
    if len(SETTLED) >= _MAX_SETTLED:
        SETTLED.clear()  # classes that were made at run time must not stay alive for ever
    SETTLED.add(kind)


def describe(function: object) -> str:
    """Return the name of a callable for error messages: its module and qualified name."""
    function = unwrap_partial(function)
    name = getattr(function, "__qualname__", None)
    return repr(function) if name is None else f"{getattr(function, '__module__', '?')}.{name}"


def unwrap_partial(function: object) -> object:
    """Return the callable inside of partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def describe_kind(value: object) -> str:
    """Return the kind of a value for error messages: ``a generator``, ``an async generator``."""
    kind = type(value).__name__.replace("_", " ")
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"


def key_of(function: Callable[..., Any]) -> object:
    """Return the dictionary key of a callable: its identity.

    Bound methods are created anew by each access, so those of one object and one function have the
    same key. The key is valid for as long as the callable exists.
    """
    if isinstance(function, MethodType):
        return id(function.__self__), id(function.__func__)
    if isinstance(function, BuiltinMethodType):
        return id(function.__self__), function.__name__
    return id(function)


def is_coroutine_function(function: Any) -> bool:
    """Return whether calling *function* returns a coroutine, as far as can be told."""
    if type(function) is FunctionType and vars(function).keys() <= {MARK}:
        # Nothing marks it otherwise, so the flags of its code decide. `inspect` gives the same
        # answer, but slowly enough to notice where thousands of listeners are registered.
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_inner(function))


def is_generator_function(function: Any, *, decorated: bool = False) -> bool:
    """Return whether calling *function* returns a generator, async or not.

    Args:
        function: any callable.
        decorated: look through decorators, too, although they may change the result.
    """
    inner = _inner(function)
    if decorated:
        inner = _inner(inspect.unwrap(inner))
    return inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)


def ensure_calls_on(middleware: Any) -> None:
    """Ensure that middleware runs when it is called.

    Raises:
        ConfigurationError: it cannot be called, or is a generator function.
    """
    if not callable(middleware):
        text = f"Middleware is called with a call and *call_next*, which {middleware!r} cannot be"
        raise ConfigurationError(text, listener=middleware)
    if is_generator_function(middleware):
        text = f"{describe(middleware)} is a generator function, whose body would not run"
        advice = "Return what *call_next* returns instead of yielding it."
        raise ConfigurationError(text, listener=middleware, advice=advice)


def refuse_wrong_colour(cls: type) -> None:
    """Refuse a class that overrides a method of this package by a function of another kind.

    Raises:
        ConfigurationError: a coroutine function overrides a plain method, or a generator function
            overrides one that returns nothing; the package would call it, and its body would not
            run.
    """
    for _, method, overridden in overriding(cls):
        text = ""
        returns = getattr(overridden, "__annotations__", {}).get("return")
        if is_generator_function(method) and returns == "None":
            text = f"{describe(method)} is a generator function, whose body would not run"
            advice = "Return instead of yielding: nobody reads the result."
        elif is_coroutine_function(method) and not is_coroutine_function(overridden):
            text = f"{describe(method)} is a coroutine function; the method it overrides is not"
            advice = "Define it without async, or use the base class of the other colour."
        if text:
            raise ConfigurationError(text, listener=method, advice=advice)


def overriding(cls: type) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each overridden method of this package, the function, and the method."""
    ours = [each for each in cls.__mro__[1:] if each.__module__.startswith(f"{_PACKAGE}.")]
    for name in {name: None for each in ours for name in vars(each)}:
        owner = next(each for each in cls.__mro__ if name in vars(each))
        overridden = next(vars(each)[name] for each in ours if name in vars(each))
        if owner not in ours and callable(overridden):
            yield name, vars(owner)[name], overridden


def refuse_generator(result: object, function: Callable[..., Any]) -> None:
    """Refuse a generator as a result that nobody reads.

    Raises:
        ConfigurationError: the result is a generator, whose body nobody would run.
    """
    if type(result) in UNFINISHED:
        text = f"{describe(function)} returned {describe_kind(result)}, whose body would not run"
        advice = "Return instead of yielding: nobody reads the result."
        raise ConfigurationError(text, listener=function, advice=advice)


def _inner(function: Any) -> Any:
    """Return the function that a call runs, inside partials, methods and `__call__`."""
    while True:
        if isinstance(function, (functools.partial, functools.partialmethod)):
            function = function.func
        elif isinstance(function, (MethodType, staticmethod, classmethod)):
            function = function.__func__
        elif isinstance(function, (FunctionType, type)):
            return function
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004 - not whether it is callable
            if not isinstance(call, (FunctionType, functools.partial)):
                return function
            function = call
