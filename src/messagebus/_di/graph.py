"""How the parameters of a callable are filled: which calls that takes, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from .._compat.callables import describe, key_of
from .._introspection.generics import unwrap
from .._introspection.typecheck import admits
from ..exceptions import ConfigurationError, DependencyCycleError, ParameterError
from .depends import Dependency, Lifetime, Requirement

UNREACHABLE = "takes no name, and one before it is not filled"


class ContextValue(NamedTuple):
    """Something that a call comes with, for which dependencies may ask by its annotation.

    Attributes:
        name: the parameter of the called function that it fills.
        accepts: tells whether a parameter with a certain annotation asks for it.
        lifetime: how long it stays the same.
    """

    name: str
    accepts: Callable[[Any], bool]
    lifetime: Lifetime = "call"


def matcher_for(annotation: Any) -> Callable[[Any], bool]:
    """Return what tells whether an annotation asks for something annotated with this one.

    It does if it names the same, a base class, or a union that has room for it; not if it would
    take anything.
    """

    def accepts(asked: Any) -> bool:
        plain = unwrap(asked)
        if plain is Any or plain is object or isinstance(plain, TypeVar):
            return False
        return admits(asked, annotation) is True

    return accepts


class Call(NamedTuple):
    """One call of a dependency. What it takes, and what it gives, have the names of variables.

    Attributes:
        number: its number, in the order in which it was found.
        function: what is called.
        positional: the variables for the arguments without a name.
        named: the variables for the arguments with a name.
        lasts: whether what it gives lives as long as a *handle*.
        key: what that is remembered by until then; None if it is not remembered.
    """

    number: int
    function: Callable[..., Any]
    positional: Sequence[str]
    named: Mapping[str, str]
    lasts: bool
    key: object

    @property
    def result(self) -> str:
        """The variable for what it gives."""
        return f"v{self.number}"


class Plan(NamedTuple):
    """How parameters of a function are filled.

    Attributes:
        calls: the calls of dependencies, in order.
        filled: the variable for each parameter.
        used: the keys of all dependencies that it looked at.
    """

    calls: Sequence[Call]
    filled: Mapping[str, str]
    used: set[object]


class Planner:
    """Works out which dependencies a function needs, and in which order they are called.

    Args:
        function: the function.
        overrides: what is called instead of dependencies, by their keys.
        context: what a call of it comes with, and the variable of each.
        in_handle: whether the call is a part of a *handle*, which keeps what outlives the call.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        overrides: Mapping[object, Dependency],
        context: Mapping[ContextValue, str],
        *,
        in_handle: bool,
    ) -> None:
        self._function = function
        self._overrides = overrides
        self._context = context
        self._in_handle = in_handle
        self._calls: list[Call] = []
        self._known: dict[object, Call] = {}
        self._used: set[object] = set()

    def plan(self, wanted: Sequence[Requirement]) -> Plan:
        """Plan how parameters of the function are filled.

        Raises:
            ConfigurationError: one can not be filled, or dependencies need each other.
        """
        path = (self._function,)
        filled = {need.name: self._source(need, path, "call") for need in wanted}
        calls = sorted(self._calls, key=lambda call: not call.lasts)
        return Plan(calls, filled, self._used)

    def _source(
        self, need: Requirement, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> str:
        """Return the variable that fills a parameter of the last callable of the path."""
        if need.dependency is not None:
            return self._call(need.dependency, path, lifetime).result
        for root, variable in self._context.items():
            if root.accepts(need.annotation):
                if lifetime == "handle" and root.lifetime == "call":
                    reason = f"asks for {root.name!r} of one call, and is to outlive it"
                    raise ParameterError(path[-1], need.name, path, reason=reason)
                return variable
        raise ParameterError(path[-1], need.name, path)

    def _call(
        self, dependency: Dependency, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> Call:
        """Return the call of a dependency that the last callable of the path needs."""
        declared = key_of(dependency.dependency)
        self._used.add(declared)
        actual = self._overrides.get(declared, dependency)
        function = actual.dependency
        if function in path:
            raise DependencyCycleError((*path[path.index(function) :], function))
        if lifetime == "handle" and dependency.scope == "call":
            text = f"{describe(path[-1])} is to outlive {describe(function)}, which it needs"
            raise ConfigurationError(text, listener=path[0])
        lifetime = dependency.scope or lifetime
        key = (key_of(function), lifetime)
        if dependency.use_cache and key in self._known:
            return self._known[key]
        positional: list[str] = []
        named: dict[str, str] = {}
        for need in actual.requirements or ():
            source = self._source(need, (*path, function), lifetime)
            if need.position == len(positional):
                positional.append(source)
            elif need.by_name:
                named[need.name] = source
            else:
                raise ParameterError(function, need.name, path, reason=UNREACHABLE)
        lasts = self._in_handle and lifetime == "handle"
        kept = key if lasts and dependency.use_cache else None
        call = Call(len(self._calls), function, positional, named, lasts, kept)
        self._calls.append(call)
        if dependency.use_cache:
            self._known[key] = call
        return call
