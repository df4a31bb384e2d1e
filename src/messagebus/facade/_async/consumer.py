"""Consumers: handlers that hear events by the type of these."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..._compat.callables import describe
from ..._di.overrides import Overridable, Provider
from ..._introspection.signature import EMPTY
from ..._routing.targets import Predicate, Target, targets
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
        self._handlers: list[tuple[Handler[Any], tuple[Target, ...]]] = []
        self._routes: dict[type, tuple[_Hearing, ...]] = {}

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
            route = self._route(type(event))
        await deliver([call for call, hears in route if hears is None or hears(event)], event)

    def _add(
        self, annotation: Any, function: TFunction, localns: Mapping[str, Any]
    ) -> Handler[TFunction]:
        heard = targets(annotation)
        context = message_context(message_parameter(function, localns), annotation)
        handler = Handler(function, self.provider, context, argument_count=1, localns=localns)
        self._handlers.append((handler, heard))
        self._routes = {}
        return handler

    def _route(self, kind: type) -> tuple[_Hearing, ...]:
        """Find who hears events of a type, and keep it."""
        routes = self._routes
        found: list[tuple[Handler[Any], list[bool | Predicate]]] = []
        for handler, heard in self._handlers:
            judged = (target.match(kind) for target in heard)
            verdicts: list[bool | Predicate] = [
                verdict for verdict in judged if verdict is not False
            ]
            same = [others for known, others in found if known.function == handler.function]
            if same:  # registered for several annotations: it is called once all the same
                same[0].extend(verdicts)
            elif verdicts:
                found.append((handler, verdicts))
        route = tuple(_Hearing(handler.call, _any_of(verdicts)) for handler, verdicts in found)
        routes[kind] = route
        if not route:
            log.info("No handler hears %s", kind, extra={"message_type": kind})
        return route


def _any_of(verdicts: Sequence[bool | Predicate]) -> Predicate | None:
    """Return what tells whether one of the verdicts holds; None if one always does."""
    predicates = [verdict for verdict in verdicts if not isinstance(verdict, bool)]
    if len(predicates) < len(verdicts):
        return None
    if len(predicates) == 1:
        return predicates[0]
    return lambda event: any(predicate(event) for predicate in predicates)


class _Hearing(NamedTuple):
    """How a handler is called, and what tells whether it hears an event; None if it always does."""

    call: Callable[[Any], Any]
    hears: Predicate | None
