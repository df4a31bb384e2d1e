"""What replaces dependencies: overrides, which several components can share."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Protocol, Self

from .._compat.callables import key_of
from ..exceptions import ConfigurationError
from .depends import Dependency

AnyCallable = Callable[..., Any]


class Planned(Protocol):
    """What has a plan of how to fill parameters, and makes a new one when overrides change."""

    def uses(self, key: object) -> bool:
        """Tell whether the dependency with this key is part of the plan."""

    def replan(self) -> Callable[[], None]:
        """Make a new plan, and return what puts it in place of the old one.

        Raises:
            ConfigurationError: with these overrides, a parameter can not be filled.
        """


class Provider:
    """The overrides of the components that it is given to.

    An override holds for every call that starts after it, in any thread or task; a call that has
    started goes on with what it started with.
    """

    def __init__(self) -> None:
        self.current: Mapping[object, Dependency] = {}
        """What is called instead of each dependency; replaced as a whole by each change."""
        self.dependency_overrides: MutableMapping[AnyCallable, AnyCallable] = Overrides(self)
        """The implementations by the dependencies that they replace; may be changed."""
        self._stacks: dict[object, list[Dependency]] = {}
        self._overridden: dict[object, AnyCallable] = {}
        self._planned: weakref.WeakSet[Planned] = weakref.WeakSet()
        self._lock = threading.RLock()

    def override(
        self,
        dependency: AnyCallable,
        implementation: AnyCallable,
        *,
        localns: Mapping[str, Any] | None = None,
    ) -> Override:
        """Replace a dependency from now on, wherever it is used.

        Args:
            dependency: what was given to *Depends*.
            implementation: what is called instead. It may be of another kind; its own parameters
                are filled in the same way.
            localns: names for annotations of the implementation that mention what is local; by
                default the local names of the caller.

        Returns:
            A context manager that undoes it in the end. Unless it is used as one, it stays.

        Raises:
            ConfigurationError: something is not callable, or a parameter can not be filled.
        """
        replacement = Dependency(implementation)
        replacement.read(sys._getframe(1).f_locals if localns is None else localns)
        override = Override(self, dependency, replacement)
        override.apply()
        return override

    def enrol(self, planned: Planned) -> None:
        """Let something with a plan make it, and hear of changes for as long as it exists.

        Raises:
            ConfigurationError: with these overrides, a parameter can not be filled.
        """
        with self._lock:
            planned.replan()()
            self._planned.add(planned)

    def change(self, dependency: AnyCallable, edit: Callable[[list[Dependency]], object]) -> None:
        """Edit the replacements of a dependency, of which the last one holds.

        Raises:
            ConfigurationError: a plan can not be made then; nothing has changed.
        """
        if not callable(dependency):
            text = f"Only what can be called can be overridden, which {dependency!r} can not"
            raise ConfigurationError(text)
        key = key_of(dependency)
        with self._lock:
            before = self.current
            stack = list(self._stacks.get(key, ()))
            edit(stack)
            current = dict(before)
            current.pop(key, None)
            if stack:
                current[key] = stack[-1]
            self.current = current
            try:
                swaps = [each.replan() for each in self._planned if each.uses(key)]
            except BaseException:
                self.current = before
                raise
            self._stacks[key] = stack
            self._overridden[key] = dependency
            if not stack:
                del self._stacks[key], self._overridden[key]
            for swap in swaps:
                swap()

    def overridden(self) -> list[AnyCallable]:
        """Return the dependencies that are replaced, in the order of their first override."""
        return list(self._overridden.values())


class Override:
    """One replacement of a dependency, which can be undone.

    What was overridden before holds again; of several overrides of one dependency the youngest
    that is not undone holds, in whatever order they are undone.
    """

    def __init__(
        self, provider: Provider, dependency: AnyCallable, replacement: Dependency
    ) -> None:
        self._provider = provider
        self._replacement = replacement
        self.dependency = dependency

    @property
    def implementation(self) -> AnyCallable:
        """What is called instead."""
        return self._replacement.dependency

    def apply(self) -> None:
        """Let it hold, as the youngest override of its dependency."""

        def edit(stack: list[Dependency]) -> None:
            self._remove(stack)
            stack.append(self._replacement)

        self._provider.change(self.dependency, edit)

    def undo(self) -> None:
        """Let it hold no longer."""
        self._provider.change(self.dependency, self._remove)

    def _remove(self, stack: list[Dependency]) -> None:
        stack[:] = [each for each in stack if each is not self._replacement]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


class Overrides(MutableMapping[AnyCallable, AnyCallable]):
    """The overrides of a provider as a mapping, which changes them when it is changed."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def __getitem__(self, dependency: AnyCallable) -> AnyCallable:
        return self._provider.current[key_of(dependency)].dependency

    def __setitem__(self, dependency: AnyCallable, implementation: AnyCallable) -> None:
        replacement = Dependency(implementation)
        replacement.read(sys._getframe(1).f_locals)

        def edit(stack: list[Dependency]) -> None:
            stack[:] = [replacement]

        self._provider.change(dependency, edit)

    def __delitem__(self, dependency: AnyCallable) -> None:
        if key_of(dependency) not in self._provider.current:
            raise KeyError(dependency)
        self._provider.change(dependency, list.clear)

    def __iter__(self) -> Iterator[AnyCallable]:
        return iter(self._provider.overridden())

    def __len__(self) -> int:
        return len(self._provider.current)

    def __repr__(self) -> str:
        return repr(dict(self))


class Overridable:
    """Something whose handlers have dependencies.

    Args:
        provider: the overrides; give the same to several components to let them share these.
    """

    def __init__(self, *, provider: Provider | None = None) -> None:
        self.provider = Provider() if provider is None else provider

    @property
    def dependency_overrides(self) -> MutableMapping[Callable[..., Any], Callable[..., Any]]:
        """The implementations by the dependencies that they replace; may be changed."""
        return self.provider.dependency_overrides

    def override(
        self, dependency: Callable[..., Any], implementation: Callable[..., Any]
    ) -> Override:
        """Replace a dependency, wherever a handler needs it, for all calls from now on.

        Args:
            dependency: what was given to *Depends*.
            implementation: what is called instead. It may be of another kind; its own parameters
                are filled in the same way.

        Returns:
            A context manager that undoes it in the end. Unless it is used as one, it stays.

        Raises:
            ConfigurationError: something is not callable, or a parameter can not be filled.
        """
        localns = sys._getframe(1).f_locals
        return self.provider.override(dependency, implementation, localns=localns)
