"""Finds mistakes in the wiring of a bus before the first message is handled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from inspect import isabstract
from types import NoneType
from typing import Any

from .._compat.callables import describe
from .._di.overrides import Provider
from .._introspection.signature import required_parameters
from ..domain.model import GenericCommand
from ..exceptions import ConfigurationError
from .listeners import Listeners

_RESERVED = ("message", "uow")
_OPTION = "{} is an option of the bus. Give a dependency another name, or pass it to handle."


def check_options(max_depth: object, provider: object, dependencies: Mapping[str, Any]) -> None:
    """Check what a bus is created with.

    Raises:
        ConfigurationError: an option has the wrong type, or a dependency cannot be created.
    """
    if type(max_depth) is not int or max_depth < 1:
        text = f"max_depth must be a number of messages greater than zero, not {max_depth!r}"
        raise ConfigurationError(text, advice=_OPTION.format("max_depth"))
    if not isinstance(provider, (Provider, NoneType)):
        text = f"The provider of a bus must be a Provider, not {provider!r}"
        raise ConfigurationError(text, advice=_OPTION.format("provider"))
    for name, factory in dependencies.items():
        if name in _RESERVED:
            text = f"A dependency cannot be named {name!r}: handle has a parameter of that name"
            raise ConfigurationError(text)
        if not callable(factory):
            text = f"The dependency {name!r} is not callable: {factory!r}"
            advice = (
                "The bus creates one for each handle call: pass it a class or a factory, or "
                "pass the object itself to handle."
            )
            raise ConfigurationError(text, advice=advice)
        if needed := required_parameters(factory):
            text = f"The factory {describe(factory)} of {name!r} needs {', '.join(needed)}"
            advice = "The bus calls it without arguments: give the parameters defaults."
            raise ConfigurationError(text, advice=advice)


def find_problems(
    listeners: Listeners[Any],
    dependencies: Collection[str],
    packages: Collection[str],
    given: Iterable[str],
) -> list[str]:
    """Return a sentence for each mistake.

    Args:
        listeners: the listeners of the bus.
        dependencies: the names of the dependencies of the bus.
        packages: the packages whose commands must have a handler; by default those that define
            a message with a listener.
        given: the names of the dependencies that come with the calls of *handle*.
    """
    if not packages:
        known = (*listeners.commands, *listeners.events)
        packages = {each.__module__.partition(".")[0] for each in known}
    problems = [
        f"{command} command has no handler"
        for command in _commands_defined_in(packages)
        if not listeners.route(command).matches
    ]
    provided = {*dependencies, *given}
    asked: set[str] = set()
    for listener in listeners:
        asked.update(listener.required, listener.optional)
        problems += [
            f"{describe(listener.function)} asks for the dependency {name!r}, which is unknown"
            for name in listener.required
            if name not in provided
        ]
    problems += [
        f"the dependency {name!r} is asked for by no listener"
        for name in dependencies
        if name not in asked
    ]
    return problems


def find_barren_scans(
    scans: Mapping[str, Sequence[type]], bus: type, decorator: Callable[..., Any]
) -> list[str]:
    """Return a sentence for each scanned name below which no listener of a bus was found.

    Args:
        scans: the classes of bus of all listeners that were found, by the scanned name.
        bus: the class of bus.
        decorator: the decorator that marks its listeners.
    """
    problems = []
    for name, found in scans.items():
        if bus in found:
            continue
        text = f"scan({name!r}) found no listener that is marked with {decorator.__name__}"
        if found:
            text += f", but {len(found)} of {found[0].__name__}"
        problems.append(text)
    return problems


def _commands_defined_in(packages: Collection[str]) -> Iterator[type[GenericCommand[Any]]]:
    """Find the commands that imported packages define.

    Args:
        packages: absolute names of packages or modules; those below them count, too.

    Yields:
        Each command that can be made, so not those that are abstract or without default
        metadata: they are bases.
    """
    for command in _subclasses(GenericCommand, set()):
        module = command.__module__
        field = command.model_fields.get("metadata")
        if isabstract(command) or field is None or field.is_required():
            continue
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            yield command


def _subclasses(base: type[Any], known: set[type]) -> Iterator[type[Any]]:
    for subclass in base.__subclasses__():
        if subclass not in known:
            known.add(subclass)
            yield subclass
            yield from _subclasses(subclass, known)
