"""Handlers as their components hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ..._di._async.injection import AsyncInjection
from ..._di.graph import ContextValue
from ..._di.overrides import Provider
from ..injection import injected, refuse_generator_function

TFunction = TypeVar("TFunction", bound=Callable[..., Any])


class Handler(Generic[TFunction]):
    """A function that a component calls with a message, or with any arguments.

    Args:
        function: the function.
        provider: the overrides that hold for it.
        context: what dependencies may ask for by annotation.
        argument_count: how many positional arguments the caller passes; every other parameter
            must then be filled. None if the caller may pass any arguments.
        localns: names for annotations that mention what is local to the caller.

    Raises:
        ConfigurationError: a parameter can not be filled, dependencies need each other, or
            calling it does not run it.
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
        refuse_generator_function(function)
        injection = AsyncInjection(
            function, provider, context, argument_count=argument_count, localns=localns
        )
        self.function = function
        self.call = injection.run if injection.requirements else injection.callee
        """Calls the function with its dependencies."""
        self.injected = injected(
            function, provider, context, argument_count=argument_count, localns=localns
        )
        """What takes the place of the function where it is called directly."""
