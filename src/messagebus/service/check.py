"""What can be known of an application's commands before the first is handled."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from inspect import isabstract
from typing import Any

from ..domain.model import GenericCommand


def commands_defined_in(packages: Collection[str]) -> Iterator[type[GenericCommand[Any]]]:
    """Find the commands that are defined in packages, as far as these are imported.

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
