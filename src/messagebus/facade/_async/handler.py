"""Registered handlers, and the components that call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from typing import Any, Generic, TypeVar

from ..._compat.aio import ensure_own_colour
from ..._di._async.injection import AsyncInjection
from ..._di.graph import ContextValue
from ..._di.inject import inject_into
from ..._di.overrides import Overridable, Provider
from ...service.middleware import HandlerCall, compose
from ...typing import AsyncMiddleware

TFunction = TypeVar("TFunction", bound=Callable[..., Any])

_NAMES = ("__module__", "__name__", "__qualname__")


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
        self._call = injection.run if injection.requirements else injection.callee
        self.call: Callable[..., Any] = self._call
        """Calls the function with its dependencies, through middleware."""

    def wrap(self, middleware: Sequence[AsyncMiddleware[HandlerCall]]) -> None:
        """Let calls pass through middleware, the first one outermost."""
        function, make = self.function, self._call
        if not middleware:
            return

        def last(call: HandlerCall) -> Any:
            return make(*call.arguments, **call.keywords)

        first = compose(middleware, last)

        def call(*arguments: Any, **keywords: Any) -> Any:
            return first(HandlerCall(function, arguments, keywords))

        self.call = update_wrapper(call, function, _NAMES, ())


class Component(Overridable):
    """Calls handlers, through middleware if there is any.

    Args:
        provider: the overrides of dependencies. Components that are given the same provider share
            them.
    """

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider=provider)
        self._all_handlers: list[Handler[Any]] = []
        self._middleware: list[AsyncMiddleware[HandlerCall]] = []

    def add_middleware(self, middleware: AsyncMiddleware[HandlerCall]) -> None:
        """Add what is done around each call of a handler, inside of what was added before.

        It does not apply to a handler that is called directly.

        Args:
            middleware: accepts the call and *call_next*, which passes the call on and returns its
                result. What it returns is the result.

        Raises:
            ConfigurationError: the middleware belongs to the other colour.
        """
        ensure_own_colour(middleware)
        self._middleware.append(middleware)
        for each in self._all_handlers:
            each.wrap(self._middleware)

    def _keep(self, handler: Handler[TFunction]) -> Handler[TFunction]:
        """Let the calls of a new handler pass through the middleware of the component."""
        handler.wrap(self._middleware)
        self._all_handlers.append(handler)
        return handler
