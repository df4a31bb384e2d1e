"""The graph of dependencies: which calls fill the parameters of a function, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from .._compat.callables import describe, key_of
from .._introspection.generics import unwrap
from .._introspection.typecheck import admits
from ..exceptions import ConfigurationError, DependencyCycleError, ParameterError
from .depends import Dependency, Lifetime, Requirement


class ContextValue(NamedTuple):
    """An argument of the call that dependencies can request by annotation.

    Attributes:
        name: the parameter of the called function that receives it.
        matches: returns whether a parameter with a given annotation requests it.
        lifetime: how long it stays the same.
    """

    name: str
    matches: Callable[[Any], bool]
    lifetime: Lifetime = "call"


def matcher_for(annotation: Any) -> Callable[[Any], bool]:
    """Return a predicate for annotations that request a value annotated with *annotation*.

    It accepts the same type, a base class, and a union that includes one of them, but no
    annotation that would accept anything.
    """

    def matches(requested: Any) -> bool:
        plain = unwrap(requested)
        if plain is Any or plain is object or isinstance(plain, TypeVar):
            return False
        return admits(requested, annotation) is True

    return matches


class Call(NamedTuple):
    """One call of a dependency. Its arguments and its result are named by variables.

    Attributes:
        number: its number, in order of discovery.
        function: the callable.
        positional: the variables of the positional arguments.
        named: the variables of the keyword arguments.
        lasts: whether the result outlives the call, until the *handle* call ends.
        key: the key under which the *handle* call keeps the result; None if it is not reused.
    """

    number: int
    function: Callable[..., Any]
    positional: Sequence[str]
    named: Mapping[str, str]
    lasts: bool
    key: object

    @property
    def result(self) -> str:
        """The variable of the result."""
        return f"v{self.number}"


class Plan(NamedTuple):
    """A call of a function, with the calls of dependencies before it.

    Attributes:
        parameters: the variables that the caller passes.
        calls: the calls of dependencies, in order.
        positional: the variables of the function's positional arguments.
        named: the variables of the function's keyword arguments.
        dependencies: the keys of all dependencies in the graph, before overrides.
    """

    parameters: Sequence[str]
    calls: Sequence[Call]
    positional: Sequence[str]
    named: Mapping[str, str]
    dependencies: set[object]


@dataclass
class Planner:
    """Walks the dependencies of a function and orders their calls.

    Args:
        function: the function.
        overrides: the replacements of dependencies, by key.
        context: the context values of the call, each with its variable.
        in_handle: whether the call is part of a *handle* call, which keeps what outlives the call.
    """

    function: Callable[..., Any]
    overrides: Mapping[object, Dependency]
    context: Mapping[ContextValue, str]
    in_handle: bool
    _calls: dict[object, Call] = field(default_factory=dict, init=False)
    _dependencies: set[object] = field(default_factory=set, init=False)

    def plan(
        self,
        requirements: Iterable[Requirement],
        positional: Sequence[str],
        named: Mapping[str, str],
    ) -> Plan:
        """Plan a call of the function.

        Args:
            requirements: the parameters to fill.
            positional: the variables of the positional arguments that the caller passes.
            named: the variables of the keyword arguments that the caller passes.

        Raises:
            ConfigurationError: a parameter cannot be filled, or dependencies form a cycle.
        """
        parameters = [*positional, *named.values()]
        if self.in_handle:
            parameters.insert(0, "scope")
        arguments, keywords = [*positional], {**named}
        self._fill(requirements, (self.function,), "call", arguments, keywords)
        # What outlives the call depends on nothing that ends with it, so it can come first.
        calls = sorted(self._calls.values(), key=lambda call: not call.lasts)
        return Plan(parameters, calls, arguments, keywords, self._dependencies)

    def _fill(
        self,
        requirements: Iterable[Requirement],
        path: tuple[Callable[..., Any], ...],
        lifetime: Lifetime,
        positional: list[str],
        named: dict[str, str],
    ) -> None:
        """Add an argument for each requirement of the last callable in *path*."""
        for requirement in requirements:
            variable = self._find_source(requirement, path, lifetime)
            if requirement.position == len(positional):
                positional.append(variable)
            elif requirement.by_name:
                named[requirement.name] = variable
            else:
                reason = "is positional-only, and a parameter before it is not filled"
                raise ParameterError(path[-1], requirement.name, path, reason=reason)

    def _find_source(
        self, requirement: Requirement, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> str:
        """Return the variable that fills a parameter of the last callable in *path*."""
        if requirement.dependency is not None:
            return self._add_call(requirement.dependency, path, lifetime).result
        for value, variable in self.context.items():
            if value.matches(requirement.annotation):
                if lifetime == "handle" and value.lifetime == "call":
                    reason = f"requests {value.name!r}, which its dependency outlives"
                    raise ParameterError(path[-1], requirement.name, path, reason=reason)
                return variable
        raise ParameterError(path[-1], requirement.name, path)

    def _add_call(
        self, dependency: Dependency, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> Call:
        """Return the call of a dependency of the last callable in *path*; add it if it is new."""
        declared = key_of(dependency.dependency)
        self._dependencies.add(declared)
        actual = self.overrides.get(declared, dependency)
        function = actual.dependency
        keys = [key_of(each) for each in path]
        if key_of(function) in keys:
            raise DependencyCycleError((*path[keys.index(key_of(function)) :], function))
        if lifetime == "handle" and dependency.scope == "call":
            text = f"{describe(path[-1])} outlives its dependency {describe(function)}"
            advice = "Give both the scope 'handle', or both the scope 'call'."
            raise ConfigurationError(text, listener=path[0], advice=advice)
        lifetime = dependency.scope or lifetime
        key = (key_of(function), lifetime) if dependency.use_cache else object()
        if key in self._calls:
            return self._calls[key]
        positional: list[str] = []
        named: dict[str, str] = {}
        self._fill(actual.requirements or (), (*path, function), lifetime, positional, named)
        lasts = self.in_handle and lifetime == "handle"
        kept = key if lasts and dependency.use_cache else None
        call = Call(len(self._calls), function, positional, named, lasts, kept)
        self._calls[key] = call
        return call
