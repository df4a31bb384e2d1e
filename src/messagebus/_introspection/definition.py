"""Finds the function and the class in whose source the annotations of a callable stand."""

from __future__ import annotations

import functools
import sys
from types import FunctionType, MethodType
from typing import Any


def find_definition(function: Any) -> tuple[FunctionType | None, type | None]:
    """Return the function whose source has the annotations, and the class that defines it."""
    owner: type | None = None
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            bound = function.__self__
            owner = bound if isinstance(bound, type) else type(bound)
            function = function.__func__
        elif isinstance(function, type):
            owner = function
            constructors = (owner.__init__, owner.__new__)  # type: ignore[misc]
            function = next((each for each in constructors if hasattr(each, "__globals__")), None)
            if function is None:
                return None, owner
        elif hasattr(function, "__wrapped__") and not hasattr(function, "__signature__"):
            function = function.__wrapped__
        elif isinstance(function, FunctionType):
            bases = () if owner is None else owner.__mro__
            definers = (base for base in bases if function.__name__ in vars(base))
            return function, next(definers, owner)
        elif owner is None or not isinstance(function, owner):
            owner = type(function)
            function = getattr(owner, "__call__", None)  # noqa: B004 - not whether it is callable
        else:
            return None, owner


def globals_of(cls: type) -> dict[str, Any]:
    """Return the globals of the code that defines a class; that of `runpy` is in no module."""
    methods = (each for each in vars(cls).values() if isinstance(each, FunctionType))
    found = (each.__globals__ for each in methods)
    module = sys.modules.get(cls.__module__)
    otherwise = {} if module is None else vars(module)
    return next((each for each in found if each.get("__name__") == cls.__module__), otherwise)


def read_closure(function: FunctionType) -> dict[str, Any]:
    """Return the variables of enclosing functions that *function* refers to."""
    names = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return names
