"""Registered handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ..._di._async.injection import AsyncInjection
from ..._di.graph import ContextValue
from ..._di.inject import inject_into
from ..._di.overrides import Provider

TFunction = TypeVar("TFunction", bound=Callable[..., Any])


class Handler(Generic[TFunction]):
    """A registered function, which its component calls with a message or with any arguments.

    Args:
        function: the function.
        provider: the overrides that apply to it.
        context: the arguments that dependencies can request by annotation.
        argument_count: how many positional arguments the component passes; every other parameter
            must then be filled. None if it may pass any arguments.
        localns: local names of the caller, for annotations that mention them.

    Raises:
        ConfigurationError: a parameter cannot be filled, dependencies form a cycle, or the
            function is a generator function.
    """

    def __init__(
        self,
        function: TFunction,
        provider: Provider,
        context: Sequence[ContextValue] = (),
        *,
        argument_count: int | None = None,
        localns: Mapping[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.decorated = inject_into(
            function, provider, context, argument_count=argument_count, localns=localns
        )
        """The function for direct calls, which fills its dependencies, too."""
        injection = AsyncInjection(
            function, provider, context, argument_count=argument_count, localns=localns
        )
        self.call = injection.run if injection.requirements else injection.callee
        """Calls the function with its dependencies."""
