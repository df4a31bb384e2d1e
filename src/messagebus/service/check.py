"""Finds mistakes in the wiring of a bus before the first message is handled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from inspect import isabstract
from typing import Any

from .._compat.callables import describe
from ..domain.model import GenericCommand
from .listeners import Listeners


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
        if isabstract(command) or command.model_fields["metadata"].is_required():
            continue
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            yield command


def _subclasses(base: type[Any], known: set[type]) -> Iterator[type[Any]]:
    for subclass in base.__subclasses__():
        if subclass not in known:
            known.add(subclass)
            yield subclass
            yield from _subclasses(subclass, known)
