"""A function whose dependencies are known, with a plan for each shape of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..exceptions import ConfigurationError, ParameterError
from .depends import needs
from .plan import Plan, Planner, Root
from .provider import Provider
from .signature import EMPTY, KEYWORD_ONLY, VAR_KEYWORD, VAR_POSITIONAL, Parameter, parameters

_MANY_SHAPES = 100
"""How many plans are kept: a function that takes any keyword has any number of shapes."""


class Injection:
    """What is read of a function once: what it needs, and how that is filled.

    Args:
        function: the function.
        callee: what is called in its place.
        provider: the overrides that hold for it.
        roots: what dependencies may ask for by annotation.
        given: how many arguments its caller gives, so that all else has to be filled; None if
            the caller may give any.
        localns: names for annotations that mention what is local to the caller.
        in_handle: whether it is called as a part of a *handle*.

    Raises:
        ConfigurationError: a parameter can not be filled, or dependencies need each other.
    """

    __slots__ = (
        "__weakref__",
        "_declared",
        "_in_handle",
        "_roots",
        "_used",
        "callee",
        "function",
        "given",
        "needs",
        "plans",
        "provider",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        callee: Callable[..., Any],
        provider: Provider,
        roots: Sequence[Root] = (),
        *,
        given: int | None = None,
        localns: Mapping[str, Any] | None = None,
        in_handle: bool = False,
    ) -> None:
        self.function = function
        self.callee = callee
        self.provider = provider
        self.given = given
        self.needs = tuple(needs(function, localns, given))
        """The parameters that are filled, unless the caller gives them."""
        self.plans: dict[object, Plan] = {}
        """The plans by shape: how many arguments, and the names of those that have one."""
        self._roots = roots
        self._in_handle = in_handle
        for need in self.needs:
            if need.dependency is None:
                raise ParameterError(function, need.name)
            need.dependency.read(localns, (function,))
        self._declared: tuple[Parameter, ...] = ()
        self._used: set[object] = set()
        if self.needs:
            self._declared = parameters(function, localns)
            self._check({})
            self.replan()()
            provider.enrol(self)

    def uses(self, key: object) -> bool:
        """Tell whether the dependency with this key is part of the plan."""
        return key in self._used

    def replan(self) -> Callable[[], None]:
        """Make a new plan, and return what puts it in place of the old ones.

        Raises:
            ConfigurationError: with these overrides, a parameter can not be filled.
        """
        used = self._check(self.provider.current)

        def swap() -> None:
            self._used = used
            self.plans = {}

        return swap

    def plan(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """Return the plan for calls with as many arguments, and with these names; keep it."""
        plans = self.plans  # before the overrides are read: they may change meanwhile
        given = len(args) + len(kwargs)
        if not self._complete(len(args), kwargs):
            plan = Plan((), (), lambda args, kwargs, values: self.callee(*args, **kwargs))
        else: ...
        return plan
