"""Finding the listeners that an application's modules define."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from ..exceptions import ScanError

_MARK = "__messagebus_listener__"


def mark(listener: Callable[..., Any], bus: type) -> None:
    """Mark *listener* as one that the *scan* of a bus of this class registers."""
    listener.__dict__[_MARK] = bus


def marked_listeners(name: str, bus: type) -> Iterator[Callable[..., Any]]:
    """Import a module, and what is below it if it is a package, and find its listeners.

    Args:
        name: absolute name of the module.
        bus: the class of bus that the listeners are marked for.

    Yields:
        Each listener that one of these modules defines, in the order of their definition;
        modules come in the order of their names. What a module only imports from elsewhere
        belongs to the module that defines it.

    Raises:
        ScanError: the name is relative.
    """
    if name.startswith("."):
        raise ScanError(name)
    for module in _walk(name):
        for member in tuple(vars(module).values()):
            found = getattr(member, "__dict__", None)
            if (
                found is not None
                and not isinstance(member, type)
                and found.get(_MARK) is bus
                and member.__module__ == module.__name__
            ):
                yield member


def _walk(name: str) -> Iterator[ModuleType]:
    module = import_module(name)
    yield module
    for info in sorted(iter_modules(getattr(module, "__path__", ())), key=lambda info: info.name):
        # Importing __main__ would run the program.
        if info.name != "__main__":
            yield from _walk(f"{name}.{info.name}")
