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
