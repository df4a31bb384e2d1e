"""Upcasters: from the payload of an old version to that of a class of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, NamedTuple, TypeVar

from .._compat.callables import describe
from ..exceptions import ConfigurationError
from .types import MessageTypes
from .wire import wire_type

Upcaster = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Takes the payload of one version, which it may change, and returns that of the next."""

F = TypeVar("F", bound=Upcaster)


class Chain(NamedTuple):
    """The way from an old version to the class that reads it.

    Attributes:
        schema_version: the version of the class.
        steps: the upcasters in order, each with the version that it starts from.
    """

    schema_version: int
    steps: tuple[tuple[int, Upcaster], ...]


class Upcasters:
    """The functions that lead from each old version of a message to the next one.

    Each step is one version, so there is one way from each version, and no way back. A version
    that has a class of its own is read as that class, and never upcast.
    """

    def __init__(self) -> None:
        self._steps: dict[str, dict[int, Upcaster]] = {}
        self._used_by: str | None = None

    def upcast(self, name: str, *, from_version: int) -> Callable[[F], F]:
        """Declare that a function leads from a version to the next one; for use as a decorator.

        The function takes the payload of *from_version* as a dict, which it may change, and
        returns that of ``from_version + 1``.

        Args:
            name: the name of the schema.
            from_version: the version that the function takes.

        Raises:
            ConfigurationError: the version is no number from zero on, there is a function for
                this step, the function does not return its result at once, or a deserializer
                has taken the upcasters already.
        """
        if type(from_version) is not int or from_version < 0:
            text = f"from_version must be a number from zero on, not {from_version!r}"
            raise ConfigurationError(text)

        def declare(function: F) -> F:
            self._add(name, from_version, function)
            return function

        return declare

    def _add(self, name: str, version: int, function: Upcaster) -> None:
        step = f"{describe(function)}, which upcasts {wire_type(name, version)},"
        if isgeneratorfunction(function) or iscoroutinefunction(function):
            text = f"{step} does not return its result at once"
            raise ConfigurationError(text, advice="Make it a plain function.")
        if isasyncgenfunction(function) or not callable(function):
            text = f"{step} is no function that returns a payload"
            raise ConfigurationError(text)
        if self._used_by is not None:
            text = f"{step} comes too late: {self._used_by} has taken the upcasters"
            advice = "Import all modules with upcasters before you create it."
            raise ConfigurationError(text, advice=advice)
        steps = self._steps.setdefault(name, {})
        if version in steps:
            text = f"{step} does the same as {describe(steps[version])}"
            raise ConfigurationError(text, advice="Each step has one upcaster.")
        steps[version] = function

    def chains(self, types: MessageTypes, user: str) -> dict[tuple[str, int], Chain]:
        """Return the way from each version without a class to its class, and take no more steps.

        Names of which no class is known are passed over: a program may read fewer messages than
        there are upcasters.

        Args:
            types: the classes.
            user: who takes the upcasters, for the error of one that comes later.

        Raises:
            ConfigurationError: a step leads to no class, or starts from a version that has one.
        """
        self._used_by = user
        found: dict[tuple[str, int], Chain] = {}
        for name in {name for name, _version in types} & self._steps.keys():
            steps = self._steps[name]
            for start, function in steps.items():
                if (name, start) in types:
                    text = f"{describe(function)} upcasts {wire_type(name, start)}, "
                    text += f"which is read as {types[name, start].__qualname__}"
                    advice = "Remove the class from the message types, or the upcaster."
                    raise ConfigurationError(text, message_type=types[name, start], advice=advice)
                end = start
                while (name, end) not in types:
                    if end not in steps:
                        text = f"{describe(steps[end - 1])} leads to {wire_type(name, end)}, "
                        text += "from where no upcaster leads on, and which no class reads"
                        raise ConfigurationError(text, advice="Add the upcaster, or the class.")
                    end += 1
                way = tuple((version, steps[version]) for version in range(start, end))
                found[name, start] = Chain(end, way)
        return found
