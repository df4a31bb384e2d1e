"""Finds the listeners that the modules of an application define."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from .._compat.callables import MARK, describe
from ..exceptions import ConfigurationError, ScanError
from .on_error import OnError


class Mark(NamedTuple):
    """The mark of a listener.

    Attributes:
        decorator: what has marked it.
        listener: the object that was marked. A decorator may have copied the mark to another one.
        spec: identifies the run of the module that defines it; None if that is unknown.
        on_error: what happens when it fails on an event; None for what the bus says.
    """

    decorator: Callable[..., Any]
    listener: object
    spec: object = None
    on_error: OnError | None = None


class Found(NamedTuple):
    """A listener that a scan has found.

    Attributes:
        decorator: what has marked it; each kind of bus has one.
        callback: the listener.
        on_error: what happens when it fails on an event; None for what the bus says.
    """

    decorator: Callable[..., Any]
    callback: Callable[..., Any]
    on_error: OnError | None


def mark(
    listener: Callable[..., Any], decorator: Callable[..., Any], on_error: OnError | None = None
) -> None:
    """Mark *listener* for the *scan* of the buses that this decorator is for.

    Raises:
        ConfigurationError: it is an object that cannot be marked, such as a builtin; or its module
            already has a listener of its name, which no scan would find any more.
    """
    module = sys.modules.get(getattr(listener, "__module__", None) or "")
    spec = getattr(module, "__spec__", None)
    replaced = vars(module).get(getattr(listener, "__qualname__", "")) if module else None
    known = None if replaced is None else _mark_of(replaced)
    if known and known.spec is spec is not None and inspect.unwrap(listener) is not replaced:
        text = f"A listener named {describe(listener)} is defined already, and would be replaced"
        advice = "Give each listener of a module a name of its own."
        raise ConfigurationError(text, listener=listener, advice=advice)
    # The attributes of a bound method are those of its function, which any object may have.
    attributes = None if isinstance(listener, MethodType) else getattr(listener, "__dict__", None)
    try:
        attributes[MARK] = Mark(decorator, listener, spec, on_error)  # type: ignore[index]
    except TypeError:
        text = (
            f"{describe(listener)} cannot be marked as a listener: it has no attributes of its own"
        )
        advice = "Wrap it in a function, or register it with add_listener."
        raise ConfigurationError(text, listener=listener, advice=advice) from None


def marked_listeners(name: str) -> Iterator[Found]:
    """Import a module or package, and find the listeners that it defines.

    Args:
        name: absolute name of the module.

    Yields:
        The listeners, in the order of their definition, module by module in
        the order of module names. A listener belongs to the module that defines it, not to those
        that import it.

    Raises:
        ScanError: the name is relative.
        ConfigurationError: it is no name; or a method of a class is marked, which needs an object
            to be called.
    """
    if not isinstance(name, str):
        text = f"{name!r} cannot be scanned: it is not the name of a module"
        raise ConfigurationError(text, advice="Pass its name, such as 'app.handlers'.")
    if name.startswith("."):
        raise ScanError(name)
    for module in _walk(name):
        members = [*_members(module)]
        known = {id(member) for member, _ in members}
        for member, marked in members:
            if _is_elsewhere(member, module):
                continue
            original = marked.listener
            # A wrapper by functools.wraps has a copy of the mark. It is the listener if the
            # decorated function itself cannot be reached any more.
            if original is not member and (id(original) in known or _is_reachable(original)):
                continue
            yield Found(marked.decorator, member, marked.on_error)


def _members(module: ModuleType) -> Iterator[tuple[Any, Mark]]:
    for member in tuple(vars(module).values()):
        if issubclass(type(member), type):
            if vars(member).get("__module__") == module.__name__:
                yield from _members_of_class(member)
        elif (marked := _mark_of(member)) is not None:
            yield member, marked


def _members_of_class(cls: type) -> Iterator[tuple[Any, Mark]]:
    for name, member in tuple(vars(cls).items()):
        kind = type(member)
        # Most members of a message class are pydantic's; others cannot have attributes.
        if not kind.__dictoffset__ or (name.startswith("__") and name != "__call__"):
            continue
        qualified = f"{cls.__qualname__}.{name}"
        if issubclass(kind, type):
            if member.__module__ == cls.__module__ and member.__qualname__ == qualified:
                yield from _members_of_class(member)
        elif issubclass(kind, (staticmethod, classmethod)):
            function = member.__func__
            marked = vars(member).get(MARK) or _mark_of(function)
            if marked is not None:
                bound = getattr(cls, name)
                yield bound, Mark(marked.decorator, bound, on_error=marked.on_error)
        elif (marked := _mark_of(member)) and getattr(member, "__qualname__", "") == qualified:
            text = f"{describe(member)} is a method, which a bus cannot call without its object"
            advice = "Put @staticmethod above the decorator, or register the bound method."
            raise ConfigurationError(text, listener=member, advice=advice)


def _mark_of(member: object) -> Mark | None:
    """Return the mark of a member of a module without running its code.

    A module may hold proxies and lazy objects, which act when an attribute is read.
    """
    if type(member) is FunctionType:
        return vars(member).get(MARK)
    found = inspect.getattr_static(member, MARK, None)
    return found if isinstance(found, Mark) else None


def _is_elsewhere(listener: Callable[..., Any], module: ModuleType) -> bool:
    """Tell whether *module* only imports a listener.

    A listener that a factory or decorator of another module returned is not found there.
    """
    home = sys.modules.get(listener.__module__, module)
    return home is not module and _is_in(listener, home)


def _is_reachable(listener: object) -> bool:
    home = sys.modules.get(getattr(listener, "__module__", ""))
    return home is not None and _is_in(listener, home)


def _is_in(listener: object, module: ModuleType) -> bool:
    return any(each is listener for each in tuple(vars(module).values()))


def _walk(name: str) -> Iterator[ModuleType]:
    module = import_module(name)
    yield module
    for below in sorted(_names_below(getattr(module, "__path__", ()))):
        yield from _walk(f"{name}.{below}")


def _names_below(paths: Iterable[str]) -> set[str]:
    """Return the names of the modules, packages and folders with modules in these folders."""
    paths = list(paths)
    names = {info.name for info in iter_modules(paths)}
    for path in map(Path, paths):
        if path.is_dir():
            names |= {
                folder.name
                for folder in path.iterdir()
                if folder.name.isidentifier() and folder.is_dir() and any(folder.rglob("*.py"))
            }
    # Importing __main__ would run the program.
    return names - {"__main__", "__pycache__"}
