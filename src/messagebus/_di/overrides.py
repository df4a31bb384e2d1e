"""Overrides: replacements of dependencies, which components can share."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Self

from .._compat.callables import key_of
from ..exceptions import ConfigurationError
from .depends import Dependency
from .requirements import read_requirements

if TYPE_CHECKING:
    from .injection import Injection

AnyCallable = Callable[..., Any]


class Provider:
    """The overrides of one or more components.

    An override applies to every call that starts after it, in any thread or task. A running call
    keeps the dependencies that it started with.
    """

    def __init__(self) -> None:
        self.current: Mapping[object, Dependency] = {}
        """The active replacement of each dependency, by key. Each change replaces the mapping."""
        self._stacks: dict[object, list[Override]] = {}
        self._injections: weakref.WeakSet[Injection] = weakref.WeakSet()
        self._lock = threading.RLock()

    @property
    def dependency_overrides(self) -> MutableMapping[AnyCallable, AnyCallable]:
        """The active implementations by dependency; a mutable view, which can be assigned to."""
        return Overrides(self)

    @dependency_overrides.setter
    def dependency_overrides(self, overrides: Mapping[AnyCallable, AnyCallable]) -> None:
        wanted = list(overrides.items())  # the view itself may be assigned
        view = Overrides(self)
        view.clear()
        view.update(wanted)

    def override(
        self,
        dependency: AnyCallable,
        implementation: AnyCallable,
        *,
        localns: Mapping[str, Any] | None = None,
    ) -> Override:
        """Replace a dependency wherever it is used, from now on.

        Args:
            dependency: the callable that was given to *Depends*.
            implementation: the callable to use instead. It may be of another kind; its own
                parameters are filled in the same way.
            localns: local names for annotations of the implementation; by default those of the
                caller.

        Returns:
            A context manager that undoes the override on exit. Without ``with``, it stays.

        Raises:
            ConfigurationError: an argument is not callable, or a parameter cannot be filled.
        """
        localns = sys._getframe(1).f_locals if localns is None else localns
        override = Override(self, dependency, implementation, localns)
        override.apply()
        return override

    def enrol(self, injection: Injection) -> None:
        """Apply current and future overrides to an injection for as long as it exists.

        Raises:
            ConfigurationError: under the current overrides, a parameter cannot be filled.
        """
        with self._lock:
            injection.reset(injection.check(self.current))
            self._injections.add(injection)

    def change(
        self, dependency: AnyCallable, edit: Callable[[list[Override]], list[Override]]
    ) -> None:
        """Edit the stack of a dependency's overrides, the last of which is active.

        Args:
            dependency: the callable that was given to *Depends*.
            edit: returns the new stack for the old one.

        Raises:
            ConfigurationError: under the new overrides, a parameter cannot be filled. Nothing
                has changed then.
        """
        if not callable(dependency):
            text = f"{dependency!r} cannot be overridden: it is not callable"
            advice = "Pass the callable that was given to Depends(...)."
            raise ConfigurationError(text, advice=advice)
        key = key_of(dependency)
        with self._lock:
            stacks = dict(self._stacks)
            stacks[key] = edit(stacks.get(key, []))
            if not stacks[key]:
                del stacks[key]
            current = {known: stack[-1].replacement for known, stack in stacks.items()}
            affected = [each for each in self._injections if key in each.dependencies]
            checked = [(each, each.check(current)) for each in affected]
            self._stacks, self.current = stacks, current
            for injection, dependencies in checked:
                injection.reset(dependencies)

    def dependencies(self) -> list[AnyCallable]:
        """Return the overridden dependencies, in the order in which they were first overridden."""
        return [stack[-1].dependency for stack in self._stacks.values()]


class Override:
    """One replacement of a dependency.

    Undoing it restores the override before it. Of several overrides of one dependency, the
    youngest that is not undone is active, in whatever order they are undone.

    Attributes:
        dependency: the callable that was given to *Depends*.
        implementation: the callable that is used instead.
        replacement: the implementation as a dependency, whose requirements are read.
    """

    def __init__(
        self,
        provider: Provider,
        dependency: AnyCallable,
        implementation: AnyCallable,
        localns: Mapping[str, Any],
    ) -> None:
        self._provider = provider
        self.dependency = dependency
        self.implementation = implementation
        self.replacement: Dependency = Dependency(implementation)
        read_requirements(self.replacement, localns)

    def apply(self) -> None:
        """Activate it, as the youngest override of its dependency."""
        self._provider.change(self.dependency, lambda stack: [*self._without(stack), self])

    def undo(self) -> None:
        """Deactivate it."""
        self._provider.change(self.dependency, self._without)

    def _without(self, stack: list[Override]) -> list[Override]:
        return [each for each in stack if each is not self]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


class Overrides(MutableMapping[AnyCallable, AnyCallable]):
    """The overrides of a provider as a mapping. Changes to it change the overrides."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def __getitem__(self, dependency: AnyCallable) -> AnyCallable:
        return self._provider.current[key_of(dependency)].dependency

    def __setitem__(self, dependency: AnyCallable, implementation: AnyCallable) -> None:
        override = Override(self._provider, dependency, implementation, sys._getframe(1).f_locals)
        self._provider.change(dependency, lambda _: [override])

    def __delitem__(self, dependency: AnyCallable) -> None:
        if key_of(dependency) not in self._provider.current:
            raise KeyError(dependency)
        self._provider.change(dependency, lambda _: [])

    def __iter__(self) -> Iterator[AnyCallable]:
        return iter(self._provider.dependencies())

    def __len__(self) -> int:
        return len(self._provider.current)

    def __repr__(self) -> str:
        return repr(dict(self))


def provider_of(owner: str, provider: Provider | None) -> Provider:
    """Return a provider that was given to *owner*, or else a new one.

    Raises:
        ConfigurationError: something else was given.
    """
    if provider is None:
        return Provider()
    if not isinstance(provider, Provider):
        text = f"The provider of {owner} must be a Provider, not {provider!r}"
        raise ConfigurationError(text, advice="Create one: Provider()")
    return provider


class Overridable:
    """Base of the components whose handlers declare dependencies.

    Args:
        provider: the overrides. Components that are given the same provider share them.
    """

    def __init__(self, *, provider: Provider | None = None) -> None:
        self.provider: Provider = provider_of(type(self).__name__, provider)

    @property
    def dependency_overrides(self) -> MutableMapping[AnyCallable, AnyCallable]:
        """The active implementations by dependency; a mutable view."""
        return self.provider.dependency_overrides

    def override(self, dependency: AnyCallable, implementation: AnyCallable) -> Override:
        """Replace a dependency wherever a handler needs it, for all calls from now on.

        Args:
            dependency: the callable that was given to *Depends*.
            implementation: the callable to use instead. It may be of another kind; its own
                parameters are filled in the same way.

        Returns:
            A context manager that undoes the override on exit. Without ``with``, it stays.

        Raises:
            ConfigurationError: an argument is not callable, or a parameter cannot be filled.
        """
        localns = sys._getframe(1).f_locals
        return self.provider.override(dependency, implementation, localns=localns)
