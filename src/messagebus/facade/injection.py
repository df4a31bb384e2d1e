"""Functions that fill their own parameters, whoever calls them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from .._compat.callables import describe, is_coroutine_function, is_generator_function
from .._di._async.injection import AsyncInjection
from .._di._sync.injection import SyncInjection
from .._di.graph import ContextValue
from .._di.overrides import Provider
from ..exceptions import ConfigurationError

TFunction = TypeVar("TFunction", bound=Callable[..., Any])


@overload
def inject(function: TFunction, /, *, provider: Provider | None = ...) -> TFunction: ...
@overload
def inject(*, provider: Provider | None = ...) -> Callable[[TFunction], TFunction]: ...
def inject(
    function: Callable[..., Any] | None = None, /, *, provider: Provider | None = None
) -> Any:
    """Let calls of a function fill the parameters that declare a dependency.

    A parameter that a call has an argument for is not filled. A coroutine function is one still;
    a plain function can have asynchronous dependencies as well, unless it is called in a thread
    with a running event loop.

    Args:
        function: the function; without it, a decorator is returned.
        provider: the overrides that hold for it.

    Raises:
        ConfigurationError: a parameter can not be filled, dependencies need each other, or it is
            a generator function, whose body runs when its dependencies are closed already.
    """
    localns = sys._getframe(1).f_locals

    def decorate(decorated: Callable[..., Any]) -> Callable[..., Any]:
        return injected(decorated, provider or Provider(), localns=localns)

    return decorate if function is None else decorate(function)


def injected(
    function: TFunction,
    provider: Provider,
    context: Sequence[ContextValue] = (),
    *,
    argument_count: int | None = None,
    localns: Mapping[str, Any] | None = None,
) -> TFunction:
    """Return a function that fills the parameters of *function*; itself if there are none.

    Args:
        function: a plain function, or a coroutine function.
        provider: the overrides that hold for it.
        context: what dependencies may ask for by annotation.
        argument_count: how many positional arguments the caller passes; every other parameter
            must then be filled. None if the caller may pass any arguments.
        localns: names for annotations that mention what is local to the caller.

    Raises:
        ConfigurationError: as `inject` does.
    """
    refuse_generator_function(function)
    if is_coroutine_function(function):
        waited = AsyncInjection(
            function, provider, context, argument_count=argument_count, localns=localns
        )
        if not waited.requirements:
            return function

        @functools.wraps(function)
        async def call_later(*args: Any, **kwargs: Any) -> Any:
            return await waited.run(*args, **kwargs)

        return cast("TFunction", call_later)
    plain = SyncInjection(
        function, provider, context, argument_count=argument_count, localns=localns
    )
    if not plain.requirements:
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return plain.run(*args, **kwargs)

    return cast("TFunction", call)


def refuse_generator_function(function: Callable[..., Any]) -> None:
    """Refuse a function whose body does not run when it is called.

    Raises:
        ConfigurationError: it is a generator function.
    """
    if is_generator_function(function):
        text = f"{describe(function)} is a generator function: a call does not run its body"
        raise ConfigurationError(text, listener=function)
