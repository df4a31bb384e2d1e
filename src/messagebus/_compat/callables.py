"""Tells callables apart: what they are called, and what calling them gives."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

MARK = "__messagebus_listener__"
"""The attribute that marks a listener."""


def describe(function: object) -> str:
    """Return the name of a callable as messages show it: the module and the qualified name."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return repr(function) if name is None else f"{getattr(function, '__module__', '?')}.{name}"


def key_of(function: Callable[..., Any]) -> object:
    """Return what stands for a callable in dictionaries: itself, if it can be hashed."""
    try:
        hash(function)
    except TypeError:
        return id(function)
    return function


def is_coroutine_function(function: Any) -> bool:
    """Tell whether calling *function* gives a coroutine, as far as can be known before."""
    if type(function) is FunctionType and vars(function).keys() <= {MARK}:
        # Nobody has marked it as something else than its code says. That is what inspect comes to,
        # by a longer way, which shows where thousands of listeners are registered.
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_inner(function))


def is_generator_function(function: Any, *, decorated: bool = False) -> bool:
    """Tell whether calling *function* gives a generator, asynchronous or not.

    Args:
        function: any callable.
        decorated: look below decorators, too, although they may change the result.
    """
    inner = _inner(function)
    if decorated:
        inner = _inner(inspect.unwrap(inner))
    return inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)


def _inner(function: Any) -> Any:
    """Return the function that a call runs: below partials, methods and `__call__`."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, (FunctionType, type)):
            return function
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004 - wanted itself
            if not isinstance(call, (FunctionType, functools.partial)):
                return function
            function = call
