"""Consumers: handlers that hear events by the type of these."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..._compat.callables import describe, key_of
from ..._di.overrides import Overridable, Provider
from ..._introspection.signature import EMPTY
from ..._routing.router import Match, Router
from ..._routing.targets import targets
from ...exceptions import ConfigurationError
from ..handlers import message_context, message_parameter
from .delivery import deliver
from .handler import Handler, TFunction

log = logging.getLogger("messagebus")


class Consumer(Overridable):
    """Hands events to the handlers that hear them.

    A handler hears what the annotation of its first parameter says: a class with its subclasses,
    a union, a generic class for certain types. Its other parameters are dependencies.

    Args:
        provider: the overrides of dependencies; give the same to several components to let them
            share these.
    """

    def __init__(self, *, provider: Provider | None = None) -> None:
        super().__init__(provider=provider)
        self._router: Router[Handler[Any]] = Router(nearest_first=False)
        self._routes: dict[type, list[Match[Handler[Any]]]] = {}

    def handler(self, wrapped: TFunction) -> TFunction:
        """Register a function as a handler of what its first parameter is annotated with.

        Returns:
            The function; its dependencies are filled where it is called directly, too.

        Raises:
            ConfigurationError: the annotation is missing or names nothing that can be heard, or
                another parameter can not be filled.
        """
        localns = sys._getframe(1).f_locals
        annotation = message_parameter(wrapped, localns).annotation
        if annotation is EMPTY:
            text = f"The first parameter of {describe(wrapped)} has no annotation"
            error = ConfigurationError(text, listener=wrapped)
            error.add_note("The annotation says which events the handler hears.")
            raise error
        return self._add(annotation, wrapped, localns).injected

    def register(self, annotation: Any, handler: Callable[..., Any]) -> None:
        """Register a handler of events of a type, whatever its own annotation is.

        Args:
            annotation: a class, a union, or any other annotation that handlers may have.
            handler: takes the event; its other parameters are dependencies.

        Raises:
            ConfigurationError: the annotation names nothing that can be heard, or a parameter can
                not be filled.
        """
        self._add(annotation, handler, sys._getframe(1).f_locals)

    async def consume(self, event: object) -> None:
        """Hand an event to all handlers that hear it, in the order of their registration.

        An event that no handler hears is no error.

        Raises:
            Exception: what the only handler that failed has raised; the others have run.
            ExceptionGroup: several handlers have failed; what they have raised, in order.
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
        handler = Handler(function, self.provider, context, argument_count=1, localns=localns)
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
            log.info("No handler hears %s", kind, extra={"message_type": kind})
        return route
