"""Subscribers: handlers that receive messages by topic."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..._di.overrides import Overridable, Provider
from ...exceptions import ConfigurationError
from ..handlers import message_context, message_parameter
from .delivery import deliver
from .handler import Handler, TFunction

log = logging.getLogger("messagebus")


class Subscriber(Overridable):
    """Hands messages to the handlers that have subscribed to a topic.

    The topic alone decides: the annotation of the first parameter of a handler, which takes the
    message, is for readers and type checkers. Its other parameters are dependencies.

    Args:
        provider: the overrides of dependencies; give the same to several components to let them
            share these.
    """

    def __init__(self, *, provider: Provider | None = None) -> None:
        super().__init__(provider=provider)
        self._handlers: dict[str, list[Handler[Any]]] = {}

    def subscribe(self, *topics: str) -> Callable[[TFunction], TFunction]:
        """Return a decorator that registers a function as a handler of topics.

        Its dependencies are filled where the decorated function is called directly, too.

        Raises:
            ConfigurationError: no topic is given; or, by the decorator, a parameter of the
                function can not be filled.
        """
        if not topics or not all(isinstance(topic, str) for topic in topics):
            text = f"A handler subscribes to topics, which are texts, not to {topics!r}"
            error = ConfigurationError(text)
            error.add_note("Write the topics behind the decorator: @subscriber.subscribe('topic')")
            raise error

        def decorate(wrapped: TFunction) -> TFunction:
            handler = self._handler(wrapped, sys._getframe(1).f_locals)
            for topic in dict.fromkeys(topics):
                self._add(topic, handler)
            return handler.injected

        return decorate

    def register(self, topic: str, handler: Callable[..., Any]) -> None:
        """Register a handler of a topic.

        Args:
            topic: the topic.
            handler: takes the message; its other parameters are dependencies.

        Raises:
            ConfigurationError: a parameter can not be filled.
        """
        self._add(topic, self._handler(handler, sys._getframe(1).f_locals))

    async def receive(self, message: object, topic: str) -> None:
        """Hand a message to all handlers of a topic, in the order of their registration.

        A topic that no handler has subscribed to is no error.

        Raises:
            Exception: what the only handler that failed has raised; the others have run.
            ExceptionGroup: several handlers have failed; what they have raised, in order.
        """
        handlers = self._handlers.get(topic)
        if handlers is None:
            log.info("No handler has subscribed to %r", topic)
            return
        await deliver([handler.call for handler in handlers], message)

    def _handler(self, function: TFunction, localns: Mapping[str, Any]) -> Handler[TFunction]:
        context = message_context(message_parameter(function, localns))
        return Handler(function, self.provider, context, argument_count=1, localns=localns)

    def _add(self, topic: str, handler: Handler[Any]) -> None:
        handlers = self._handlers.get(topic, [])
        if all(known.function != handler.function for known in handlers):
            self._handlers[topic] = [*handlers, handler]
