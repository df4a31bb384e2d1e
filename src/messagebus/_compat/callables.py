"""Names, keys and kinds of callables."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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


def describe(function: object) -> str:
    """Return the name of a callable for error messages: its module and qualified name."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return repr(function) if name is None else f"{getattr(function, '__module__', '?')}.{name}"


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


def refuse_wrong_colour(cls: type) -> None:
    """Refuse a class that overrides a plain method of this package by a coroutine function.

    Raises:
        ConfigurationError: it does; the package would call the method and drop the coroutine.
    """
    ours = [each for each in cls.__mro__[1:] if each.__module__.startswith(f"{_PACKAGE}.")]
    for name, method in vars(cls).items():
        overridden = next((vars(each)[name] for each in ours if name in vars(each)), None)
        if (
            callable(overridden)
            and is_coroutine_function(method)
            and not is_coroutine_function(overridden)
        ):
            text = f"{describe(method)} is a coroutine function; the method it overrides is not"
            advice = "Define it without async, or use the base class of the other colour."
            raise ConfigurationError(text, listener=method, advice=advice)


def _inner(function: Any) -> Any:
    """Return the function that a call runs, inside partials, methods and `__call__`."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, (FunctionType, type)):
            return function
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004 - not whether it is callable
            if not isinstance(call, (FunctionType, functools.partial)):
                return function
            function = call
