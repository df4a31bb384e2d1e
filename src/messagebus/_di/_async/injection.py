"""Calling a function with its dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._compat.aio import WAITS, adapt, enter, exit
from ..compiler import Flavour
from ..graph import ContextValue
from ..injection import Injection
from ..overrides import Provider
from .scope import AsyncHandleScope, throw_into


class AsyncInjection(Injection):
    """A function that is called with its dependencies.

    Args:
        function: the function.
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
        provider: Provider,
        context: Sequence[ContextValue] = (),
        *,
        argument_count: int | None = None,
        localns: Mapping[str, Any] | None = None,
        in_handle: bool = False,
    ) -> None:
        super().__init__(
            function,
            adapt(function),
            _FLAVOUR,
            provider,
            context,
            argument_count=argument_count,
            localns=localns,
            in_handle=in_handle,
        )

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with these arguments, and with what fills its other parameters."""
        if kwargs:
            call = self.calls.get((len(args), *kwargs)) or self.caller(len(args), tuple(kwargs))
            return call(*args, *kwargs.values())
        call = self.calls.get(len(args)) or self.caller(len(args))
        return call(*args)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], scope: AsyncHandleScope) -> Any:
        """Call the function as a part of a *handle*, with what fills its other parameters.

        Args:
            args: the arguments without a name.
            kwargs: the arguments with a name.
            scope: keeps what lives as long as the *handle*.
        """
        shape = (len(args), *kwargs) if kwargs else len(args)
        call = self.calls.get(shape) or self.caller(len(args), tuple(kwargs))
        return call(scope, *args, *kwargs.values())


_FLAVOUR = Flavour(WAITS, enter, exit, throw_into)
