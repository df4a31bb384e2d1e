"""Functions that fill their own dependencies, whoever calls them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from .._compat.callables import describe, is_coroutine_function, is_generator_function
from ..exceptions import ConfigurationError
from ._async.injection import AsyncInjection
from ._sync.injection import SyncInjection
from .overrides import Provider, provider_of

if TYPE_CHECKING:
    from .graph import ContextValue
    from .injection import Injection

TFunction = TypeVar("TFunction", bound=Callable[..., Any])


@overload
def inject(provider: Provider, /) -> Callable[[TFunction], TFunction]: ...
@overload
def inject(*, provider: Provider | None = ...) -> Callable[[TFunction], TFunction]: ...
@overload
def inject(function: TFunction, /, *, provider: Provider | None = ...) -> TFunction: ...
def inject(function: Any = None, /, *, provider: Provider | None = None) -> Any:
    """Fill the declared dependencies of a function wherever it is called.

    Parameters for which a call passes an argument are left alone. A coroutine function stays
    one. A plain function can have async dependencies too, unless an event loop is running in the
    calling thread.

    Args:
        function: the function; without it, a decorator is returned.
        provider: the overrides that apply to it. Without a function, it may come first.

    Raises:
        ConfigurationError: a parameter cannot be filled, dependencies form a cycle, or it is a
            generator function, whose body would run after its dependencies are closed; or an
            argument is neither a function nor a provider.
    """
    localns = sys._getframe(1).f_locals
    if isinstance(function, Provider) and provider is None:
        function, provider = None, function
    overrides = provider_of("inject", provider)

    def decorate(decorated: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(decorated) or decorated is Provider or isinstance(decorated, Provider):
            text = f"inject cannot decorate {decorated!r}"
            advice = "Use @inject, @inject(provider) or inject(function, provider=provider)."
            raise ConfigurationError(text, advice=advice)
        return inject_into(decorated, overrides, localns=localns, is_shared=True)

    return decorate if function is None else decorate(function)


def inject_into(
    function: TFunction,
    provider: Provider,
    context: Sequence[ContextValue] = (),
    *,
    argument_count: int | None = None,
    localns: Mapping[str, Any] | None = None,
    is_shared: bool = False,
) -> TFunction:
    """Return a function that fills the dependencies of *function*; itself if it has none.

    Args:
        function: a plain function, or a coroutine function.
        provider: the overrides that apply to it.
        context: the arguments that dependencies can request by annotation.
        argument_count: how many positional arguments the caller passes; every other parameter
            must then be filled. None if the caller may pass any arguments.
        localns: local names of the caller, for annotations that mention them.
        is_shared: whether another framework may call it and fill parameters, too.

    Raises:
        ConfigurationError: as for `inject`.
    """
    if is_generator_function(function):
        text = f"{describe(function)} is a generator function: calling it does not run its body"
        advice = "Return the result instead of yielding it."
        raise ConfigurationError(text, listener=function, advice=advice)
    is_async = is_coroutine_function(function)
    flavour: type[Injection] = AsyncInjection if is_async else SyncInjection
    injection = flavour(
        function,
        provider,
        context,
        argument_count=argument_count,
        localns=localns,
        is_shared=is_shared,
    )
    if not injection.requirements:
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        return injection.run(*args, **kwargs)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return await injection.run(*args, **kwargs)

    return cast("TFunction", functools.wraps(function)(call_async if is_async else call))
