"""Finds the listeners that the modules of an application define."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import getattr_static
from pkgutil import iter_modules
from types import FunctionType, ModuleType
from typing import Any

from .._compat.callables import MARK
from ..exceptions import ScanError


def mark(listener: Callable[..., Any], bus: type) -> None:
    """Mark *listener* for the *scan* of buses of this class."""
    listener.__dict__[MARK] = bus


def marked_listeners(name: str, bus: type) -> Iterator[Callable[..., Any]]:
    """Import a module or package, and find the listeners that it defines.

    Args:
        name: absolute name of the module.
        bus: the class of bus that the listeners are marked for.

    Yields:
        The listeners in the order of their definition, module by module in the order of module
        names. A listener belongs to the module that defines it, not to those that import it.

    Raises:
        ScanError: the name is relative.
    """
    if name.startswith("."):
        raise ScanError(name)
    for module in _walk(name):
        for member in tuple(vars(module).values()):
            if _mark_of(member) is bus and not _is_elsewhere(member, module):
                yield member


def _mark_of(member: object) -> object:
    """Return the mark of a member of a module without running its code.

    A module may hold proxies and lazy objects, which act when an attribute is read.
    """
    kind = type(member)
    if kind is FunctionType:
        return vars(member).get(MARK)
    return None if issubclass(kind, type) else getattr_static(member, MARK, None)


def _is_elsewhere(listener: Callable[..., Any], module: ModuleType) -> bool:
    """Tell whether *module* only imports a listener.

    A listener that a factory or decorator of another module returned is not found there.
    """
    home = sys.modules.get(listener.__module__, module)
    return home is not module and any(each is listener for each in vars(home).values())


def _walk(name: str) -> Iterator[ModuleType]:
    module = import_module(name)
    yield module
    for info in sorted(iter_modules(getattr(module, "__path__", ())), key=lambda info: info.name):
        # Importing __main__ would run the program.
        if info.name != "__main__":
            yield from _walk(f"{name}.{info.name}")
