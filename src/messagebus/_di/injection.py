"""A function with the dependencies that it needs, and a plan for each shape of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._introspection.signature import EMPTY, POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, parameters
from ..exceptions import ParameterError
from .compiler import Flavour, Shape, compiled
from .depends import Dependency, Requirement, requirements_of
from .graph import UNREACHABLE, ContextValue, Plan, Planner
from .overrides import Provider

_MANY_SHAPES = 100


class Injection:
    """What is known of a function since it was registered.

    Args:
        function: the function.
        callee: what is called in its place.
        flavour: whether to wait for that and for dependencies, and how.
        provider: the overrides that hold for it.
        context: what dependencies may ask for by annotation.
        argument_count: how many positional arguments the caller passes; every other parameter
            must then be filled. None if the caller may pass any arguments.
        localns: names for annotations that mention what is local to the caller.
        in_handle: whether it is called as a part of a *handle*.

    Raises:
        ConfigurationError: a parameter can not be filled, or dependencies need each other.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        callee: Callable[..., Any],
        flavour: Flavour,
        provider: Provider,
        context: Sequence[ContextValue] = (),
        *,
        argument_count: int | None = None,
        localns: Mapping[str, Any] | None = None,
        in_handle: bool = False,
    ) -> None:
        self.function = function
        self.requirements = tuple(requirements_of(function, localns, argument_count))
        """The parameters that are filled where the caller gives no argument."""
        self.calls: dict[object, Callable[..., Any]] = {}
        """What calls the function, by how many arguments it takes, and the names of others."""
        self.callee = callee
        """What calls the function without dependencies."""
        self._flavour = flavour
        self._provider = provider
        self._shape = None if argument_count is None else Shape(argument_count)
        self._context = context
        self._in_handle = in_handle
        self._used: set[object] = set()
        self._names: tuple[str, ...] = ()
        self._required: frozenset[str] = frozenset()
        if self.requirements:
            self._read(localns)
            self._plan({}, self.requirements, self._shape)
            provider.enrol(self)

    def _read(self, localns: Mapping[str, Any] | None) -> None:
        for need in self.requirements:
            if need.dependency is None:
                raise ParameterError(self.function, need.name)
            need.dependency.read(localns, (self.function,))
        filled = {need.name for need in self.requirements}
        declared = parameters(self.function, localns)
        self._names = tuple(
            each.name for each in declared if each.kind in (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)
        )
        self._required = frozenset(
            each.name
            for each in declared
            if each.default is EMPTY and not each.variadic and each.name not in filled
        )

    def uses(self, key: object) -> bool:
        """Tell whether the dependency with this key is part of the plan."""
        return key in self._used

    def replan(self) -> Callable[[], None]:
        """Plan anew, and return what puts that in place of the old plans.

        Raises:
            ConfigurationError: with these overrides, a parameter can not be filled.
        """
        used = self._plan(self._provider.current, self.requirements, self._shape).used

        def swap() -> None:
            self._used = used
            self.calls = {}

        return swap

    def caller(self, count: int, names: tuple[str, ...] = ()) -> Callable[..., Any]:
        """Return what calls the function with its dependencies, and keep it.

        Args:
            count: how many arguments without a name it takes.
            names: the names of others, which it takes behind these.
        """
        calls = self.calls  # before the overrides, which may change meanwhile
        shape = Shape(count, names)
        given = {*self._names[:count], *names}
        # Where an argument is missing, the call itself says it best.
        missing = not given.issuperset(self._required)
        wanted = [] if missing else [need for need in self.requirements if need.name not in given]
        call = compiled(
            self._plan(self._provider.current, wanted, shape),
            self.callee,
            shape,
            self._flavour,
            by_position=_follow(wanted, shape),
            in_handle=self._in_handle,
        )
        if len(calls) < _MANY_SHAPES:
            calls[(count, *names) if names else count] = call
        return call

    def _plan(
        self,
        overrides: Mapping[object, Dependency],
        wanted: Sequence[Requirement],
        shape: Shape | None = None,
    ) -> Plan:
        """Plan how parameters are filled, for calls of one shape; without one, of any."""
        if shape is None:
            context = {root: root.name for root in self._context}
        else:
            positional = [
                *self._names[: shape.arguments],
                *([""] * (shape.arguments - len(self._names))),
            ]
            variables = dict(zip([*positional, *shape.names], shape.variables(), strict=True))
            context = {
                each: variables[each.name] for each in self._context if each.name in variables
            }
            for need in wanted:
                if not need.by_name and not _follow(wanted, shape):
                    raise ParameterError(self.function, need.name, reason=UNREACHABLE)
        return Planner(self.function, overrides, context, in_handle=self._in_handle).plan(wanted)


def _follow(wanted: Sequence[Requirement], shape: Shape) -> bool:
    """Tell whether parameters directly follow those that have an argument."""
    behind = range(shape.arguments, shape.arguments + len(wanted))
    return not shape.names and [need.position for need in wanted] == [*behind]
