"""A function with its dependencies, and a compiled call for each shape of arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .._introspection.signature import EMPTY, KEYWORD_ONLY, parameters
from ..exceptions import ParameterError
from .compiler import Flavour, compile_call
from .depends import Dependency, Requirement
from .graph import ContextValue, Plan, Planner
from .requirements import read_requirements, requirements_of

if TYPE_CHECKING:
    from ._async.scope import AsyncHandleScope
    from ._sync.scope import SyncHandleScope
    from .overrides import Provider

_MAX_SHAPES = 100


class Injection:
    """Calls a function and fills its dependencies.

    Args:
        function: the function.
        provider: the overrides that apply to it.
        context: the arguments that dependencies can request by annotation.
        argument_count: how many positional arguments the caller passes; every other parameter
            must then be filled. None if the caller may pass any arguments.
        localns: local names of the caller, for annotations that mention them.
        in_handle: whether each call is part of a *handle* call.
        is_shared: whether another framework may call it and fill parameters, too.

    Raises:
        ConfigurationError: a parameter cannot be filled, or dependencies form a cycle.
    """

    flavour: ClassVar[Flavour]

    def __init__(
        self,
        function: Callable[..., Any],
        provider: Provider,
        context: Sequence[ContextValue] = (),
        *,
        argument_count: int | None = None,
        localns: Mapping[str, Any] | None = None,
        in_handle: bool = False,
        is_shared: bool = False,
    ) -> None:
        self.function = function
        self.callee: Callable[..., Any] = self.flavour.adapt(function)
        """Calls the function without dependencies."""
        self.requirements: tuple[Requirement, ...] = tuple(
            requirements_of(function, localns, argument_count, is_shared=is_shared)
        )
        """The parameters to fill where the caller passes no argument."""
        self.dependencies: set[object] = set()
        """The keys of the dependencies that calls use, before overrides."""
        self.calls: dict[object, Callable[..., Any]] = {}
        """The compiled calls, by number of positional arguments and names of the others."""
        self._provider = provider
        self._context = context
        self._argument_count = argument_count
        self._in_handle = in_handle
        if not self.requirements:
            return
        for requirement in self.requirements:
            if requirement.dependency is None:
                raise ParameterError(function, requirement.name)
            read_requirements(requirement.dependency, localns, (function,))
        filled = {requirement.name for requirement in self.requirements}
        declared = [each for each in parameters(function, localns) if not each.variadic]
        self._positional = [each.name for each in declared if each.kind is not KEYWORD_ONLY]
        others = [each for each in declared if each.name not in filled]
        self._required = {each.name for each in others if each.default is EMPTY}
        self.check({})  # an override must not hide a parameter that cannot be filled without it
        provider.enrol(self)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with these arguments and its dependencies."""
        if kwargs:
            call = self.calls.get((len(args), *kwargs)) or self.prepare(len(args), tuple(kwargs))
            return call(*args, *kwargs.values())
        call = self.calls.get(len(args)) or self.prepare(len(args))
        return call(*args)

    def call(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        scope: AsyncHandleScope | SyncHandleScope,
    ) -> Any:
        """Call the function as part of a *handle* call.

        Args:
            args: the positional arguments.
            kwargs: the keyword arguments.
            scope: the scope of the *handle* call.
        """
        shape = (len(args), *kwargs) if kwargs else len(args)
        call = self.calls.get(shape) or self.prepare(len(args), tuple(kwargs))
        return call(scope, *args, *kwargs.values())

    def check(self, overrides: Mapping[object, Dependency]) -> set[object]:
        """Return the keys of the dependencies that calls use under these overrides.

        Raises:
            ConfigurationError: a parameter cannot be filled, or dependencies form a cycle.
        """
        if self._argument_count is not None:
            return self._plan(overrides, self.requirements, self._argument_count).dependencies
        # The caller may pass any arguments, so it can reach every parameter.
        names = tuple(value.name for value in self._context)
        reachable = (each._replace(by_name=True) for each in self.requirements)
        return self._plan(overrides, reachable, 0, names).dependencies

    def reset(self, dependencies: set[object]) -> None:
        """Drop the compiled calls; the overrides have changed.

        Args:
            dependencies: the result of `check` under the new overrides.
        """
        self.dependencies = dependencies
        self.calls = {}

    def prepare(self, count: int, names: tuple[str, ...] = ()) -> Callable[..., Any]:
        """Compile the call for a shape of arguments, and cache it.

        Args:
            count: how many positional arguments it takes.
            names: the keyword arguments, which it takes positionally after these.
        """
        # Bound before the overrides are read: a change to them replaces the cache.
        calls = self.calls
        passed = {*self._positional[:count], *names}
        # If an argument is missing, the error of the function itself is the clearest.
        complete = passed >= self._required
        wanted = [each for each in self.requirements if complete and each.name not in passed]
        plan = self._plan(self._provider.current, wanted, count, names)
        call = compile_call(plan, self.callee, self.flavour)
        if len(calls) < _MAX_SHAPES:
            calls[(count, *names) if names else count] = call
        return call

    def _plan(
        self,
        overrides: Mapping[object, Dependency],
        requirements: Iterable[Requirement],
        count: int,
        names: tuple[str, ...] = (),
    ) -> Plan:
        positional = [f"a{index}" for index in range(count)]
        named = {name: f"a{index}" for index, name in enumerate(names, count)}
        passed = dict(zip(self._positional, positional, strict=False)) | named
        context = {each: passed[each.name] for each in self._context if each.name in passed}
        planner = Planner(self.function, overrides, context, self._in_handle)
        return planner.plan(requirements, positional, named)
