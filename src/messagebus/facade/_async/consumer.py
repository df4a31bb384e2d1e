"""Consumers: dispatch events to handlers by type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..._compat.callables import describe, key_of
from ..._compat.logs import get_logger
from ..._di.overrides import Provider
from ..._introspection.signature import EMPTY
from ..._routing.router import Match, Router
from ..._routing.targets import targets
from ...exceptions import ConfigurationError
from ..handlers import event_name, message_context, message_parameter
from .delivery import deliver
from .handler import Component, Handler, TFunction


class Consumer(Component):
    """Dispatches events to the handlers of their type.

    The annotation of a handler's first parameter is that type: a class with its subclasses, a
    union, or a generic class with type arguments. The other parameters are dependencies.

    Args:
        provider: the overrides of dependencies. Components that are given the same provider share
            them.
    """

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider=provider)
        self._router: Router[Handler[Any]] = Router(nearest_first=False)
        self._routes: dict[type, list[Match[Handler[Any]]]] = {}

    @property
    def handlers(self) -> Mapping[str, list[Callable[..., Any]]]:
        """The handlers by the name of the class of their events: ``book-lent`` for ``BookLent``.

        It is a snapshot for reading. Classes of one name share an entry, although each handler
        hears only its own events.
        """
        found: dict[str, list[Callable[..., Any]]] = {}
        for target, handler in self._router:
            named = found.setdefault(event_name(target.origin), [])
            if not any(each is handler.decorated for each in named):
                named.append(handler.decorated)
        return MappingProxyType(found)

    def handler(self, wrapped: TFunction) -> TFunction:
        """Register a function as a handler of the type that annotates its first parameter.

        Returns:
            The function. Its dependencies are filled when it is called directly, too.

        Raises:
            ConfigurationError: the annotation is missing, `isinstance` cannot test for it, or
                another parameter cannot be filled.
        """
        localns = sys._getframe(1).f_locals
        annotation = message_parameter(wrapped, localns).annotation
        if annotation is EMPTY:
            text = f"The first parameter of {describe(wrapped)} has no annotation"
            advice = "Annotate it with the type of the events to handle."
            raise ConfigurationError(text, listener=wrapped, advice=advice)
        return self._add(annotation, wrapped, localns).decorated

    def register(self, annotation: Any, handler: TFunction) -> TFunction:
        """Register a handler of a type of events, whatever its own annotation is.

        Args:
            annotation: a class, a union, or any other annotation that a handler may have.
            handler: accepts the event. Its other parameters are dependencies.

        Returns:
            The handler. Its dependencies are filled when it is called directly, too.

        Raises:
            ConfigurationError: `isinstance` cannot test for the annotation, or a parameter cannot
                be filled.
        """
        return self._add(annotation, handler, sys._getframe(1).f_locals).decorated

    async def consume(self, event: object) -> None:
        """Call all handlers of an event, in the order of their registration.

        An event without handlers is not an error.

        Raises:
            Exception: the error of the only handler that failed. The others have run.
            ExceptionGroup: the errors of several handlers, in order.
        """
        route = self._routes.get(type(event))
        if route is None:
            route = self._find_route(type(event))
        hearing = [each.call for each, hears in route if hears is None or hears(event)]
        await deliver(hearing, event)

    def _add(
        self, annotation: Any, function: TFunction, localns: Mapping[str, Any]
    ) -> Handler[TFunction]:
        heard = targets(annotation)
        context = message_context(message_parameter(function, localns), annotation)
        handler = self._keep(
            Handler(function, self.provider, context, argument_count=1, localns=localns)
        )
        for each in heard:
            self._router.add(each, handler, key_of(function))
        self._routes = {}
        return handler

    def _find_route(self, kind: type) -> list[Match[Handler[Any]]]:
        """Resolve and cache the handlers of one type of event."""
        # Bound before the router is read. If another thread registers meanwhile, this route lands
        # in the discarded cache.
        routes = self._routes
        route = routes[kind] = self._router.route(kind)
        if not route:
            get_logger().info("No handler hears %s", kind, extra={"message_type": kind})
        return route
