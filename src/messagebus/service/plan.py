"""How the parameters of a callable are filled: the order of calls, worked out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ..exceptions import ConfigurationError, DependencyCycleError, ParameterError
from .depends import Dependency, Lifetime, Need, is_generator_function, key_of
from .signature import describe

Values = list[Any]
"""What has been made so far in a call, behind the arguments that it came with."""


class Root(NamedTuple):
    """Something that a call comes with, for which dependencies may ask by its annotation.

    Attributes:
        name: the parameter of the called function that it fills.
        accepts: tells whether a parameter with a certain annotation asks for it.
        lifetime: how long it stays the same.
    """

    name: str
    accepts: Callable[[Any], bool]
    lifetime: Lifetime = "call"


class Step(NamedTuple):
    """One call of a dependency.

    Attributes:
        make: calls it with what has been made before.
        opens: whether its result, if it is a generator, is one to be opened.
        key: what it is remembered by while a *handle* lasts; None if it is not remembered.
    """

    make: Callable[[Values], Any]
    opens: bool
    key: object


class Plan(NamedTuple):
    """How one function is called with arguments of a certain shape.

    Attributes:
        lasting: the steps whose results live as long as a *handle*; they come first.
        steps: the other steps, in order.
        call: calls the function with the arguments, and with what the steps have made.
    """

    lasting: tuple[Step, ...]
    steps: tuple[Step, ...]
    call: Callable[[tuple[Any, ...], dict[str, Any], Values], Any]


class _Call:
    """A call of a dependency while the plan is made; its index comes last."""

    __slots__ = ("function", "index", "key", "named", "positional")

    def __init__(self, function: Callable[..., Any], key: object) -> None:
        self.function = function
        self.key = key
        self.index = -1
        self.positional: list[_Call | int] = []
        self.named: dict[str, _Call | int] = {}

    def step(self) -> Step:
        positional = [_index(each) for each in self.positional]
        named = {name: _index(each) for name, each in self.named.items()}
        opens = is_generator_function(self.function, decorated=True)
        return Step(_maker(self.function, positional, named), opens, self.key)


class Planner:
    """Works out which dependencies a function needs, and in which order they are called.

    Args:
        function: the function.
        overrides: what is called instead of dependencies, by their keys.
        roots: what the call comes with, and the index of each in the values.
        in_handle: whether the call is a part of a *handle*, which keeps what outlives the call.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        overrides: Mapping[object, Dependency],
        roots: Mapping[Root, int],
        *,
        in_handle: bool,
    ) -> None:
        self._function = function
        self._overrides = overrides
        self._roots = roots
        self._in_handle = in_handle
        self._lasting: list[_Call] = []
        self._calls: list[_Call] = []
        self._known: dict[object, _Call] = {}
        self.used: set[object] = set()
        """The keys of all dependencies that were met."""

    def plan(
        self,
        filled: Sequence[Need],
        callee: Callable[..., Any],
        given: int,
        *,
        by_position: bool,
    ) -> Plan:
        """Make the plan.

        Args:
            filled: the parameters of the function that dependencies fill.
            callee: what is called, in the place of the function.
            given: how many arguments the call comes with.
            by_position: whether those parameters directly follow the arguments.

        Raises:
            ConfigurationError: a parameter can not be filled.
        """
        path = (self._function,)
        sources = [self._source(need, path, "call") for need in filled]
        for index, call in enumerate((*self._lasting, *self._calls), start=given):
            call.index = index
        indices = [_index(source) for source in sources]
        return Plan(
            tuple(call.step() for call in self._lasting),
            tuple(call.step() for call in self._calls),
            _positional_caller(callee, indices)
            if by_position
            else _named_caller(callee, [need.name for need in filled], indices),
        )

    def _source(
        self, need: Need, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> _Call | int:
        """Return what fills a parameter of the last callable of the path."""
        if need.dependency is not None:
            return self._call(need.dependency, path, lifetime)
        for root, index in self._roots.items():
            if root.accepts(need.annotation):
                if lifetime == "handle" and root.lifetime == "call":
                    reason = f"asks for {root.name!r} of one call, and is to outlive it"
                    raise ParameterError(path[-1], need.name, path, reason=reason)
                return index
        raise ParameterError(path[-1], need.name, path)

    def _call(
        self, dependency: Dependency, path: tuple[Callable[..., Any], ...], lifetime: Lifetime
    ) -> _Call:
        """Return the call of a dependency that the last callable of the path needs."""
        key = key_of(dependency.dependency)
        self.used.add(key)
        actual = self._overrides.get(key, dependency)
        function = actual.dependency
        if function in path:
            raise DependencyCycleError((*path[path.index(function) :], function))
        if lifetime == "handle" and dependency.scope == "call":
            text = f"{describe(path[-1])} is to outlive {describe(function)}, which it needs"
            raise ConfigurationError(text, listener=path[0])
        lifetime = dependency.scope or lifetime
        key = (key_of(function), lifetime) if dependency.use_cache else None
        if key is not None and key in self._known:
            return self._known[key]
        call = _Call(function, key)
        for need in actual.needs or ():
            source = self._source(need, (*path, function), lifetime)
            if len(call.positional) == need.position:
                call.positional.append(source)
            elif need.by_name:
                call.named[need.name] = source
            else:
                reason = "takes no name, and one before it is not filled"
                raise ParameterError(function, need.name, path, reason=reason)
        lasts = lifetime == "handle" and self._in_handle
        (self._lasting if lasts else self._calls).append(call)
        if key is not None:
            self._known[key] = call
        return call


def _index(source: _Call | int) -> int:
    return source if isinstance(source, int) else source.index


def _maker(
    function: Callable[..., Any], positional: Sequence[int], named: Mapping[str, int]
) -> Callable[[Values], Any]:
    """Return what calls a function with values at certain indices."""
    if named:
        pairs = tuple(named.items())
        return lambda values: function(
            *[values[index] for index in positional],
            **{name: values[index] for name, index in pairs},
        )
    if not positional:
        return lambda values: function()  # noqa: ARG005
    if len(positional) == 1:
        [only] = positional
        return lambda values: function(values[only])
    pick = itemgetter(*positional)
    return lambda values: function(*pick(values))


def _positional_caller(
    function: Callable[..., Any], indices: Sequence[int]
) -> Callable[[tuple[Any, ...], dict[str, Any], Values], Any]:
    """Return what calls a function with arguments without names, and values behind them."""
    if not indices:
        return lambda args, kwargs, values: function(*args, **kwargs)  # noqa: ARG005
    if len(indices) == 1:
        [only] = indices
        return lambda args, kwargs, values: function(*args, values[only])  # noqa: ARG005
    pick = itemgetter(*indices)
    return lambda args, kwargs, values: function(*args, *pick(values))  # noqa: ARG005


def _named_caller(
    function: Callable[..., Any], names: Iterable[str], indices: Sequence[int]
) -> Callable[[tuple[Any, ...], dict[str, Any], Values], Any]:
    """Return what calls a function with arguments, and with values by their names."""
    pairs = tuple(zip(names, indices, strict=True))
    return lambda args, kwargs, values: function(
        *args, **kwargs, **{name: values[index] for name, index in pairs}
    )
