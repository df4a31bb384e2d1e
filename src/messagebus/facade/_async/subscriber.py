"""Subscribers: deliver messages to handlers by topic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..._compat.callables import key_of
from ..._compat.logs import get_logger
from ..._di.overrides import Provider
from ...exceptions import ConfigurationError
from ..handlers import message_context, message_parameter
from .delivery import deliver
from .handler import Component, Handler, TFunction


class Subscriber(Component):
    """Delivers messages to the handlers that are subscribed to a topic.

    Only the topic counts: the annotation of a handler's first parameter, which receives the
    message, is for readers and type checkers. The other parameters are dependencies.

    Args:
        provider: the overrides of dependencies. Components that are given the same provider share
            them.
    """

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider=provider)
        self._handlers: dict[str, list[Handler[Any]]] = {}

    @property
    def handlers(self) -> Mapping[str, list[Callable[..., Any]]]:
        """The handlers by topic: a snapshot for reading."""
        return MappingProxyType(
            {
                topic: [each.decorated for each in handlers]
                for topic, handlers in self._handlers.items()
            }
        )

    def subscribe(self, *topics: str) -> Callable[[TFunction], TFunction]:
        """Return a decorator that registers a function as a handler of topics.

        The dependencies of the function are filled when it is called directly, too.

        Raises:
            ConfigurationError: no topic is given, or one is not a string. The decorator raises it
                if a parameter of the function cannot be filled.
        """
        if not topics or not all(isinstance(topic, str) for topic in topics):
            text = f"A handler must subscribe to at least one topic, a string, not to {topics!r}"
            advice = "Pass the topics to the decorator: @subscriber.subscribe('topic')"
            raise ConfigurationError(text, advice=advice)

        def decorate(wrapped: TFunction) -> TFunction:
            handler = self._handler(wrapped, sys._getframe(1).f_locals)
            for topic in dict.fromkeys(topics):
                self._add(topic, handler)
            return handler.decorated

        return decorate

    def register(self, topic: str, handler: Callable[..., Any]) -> None:
        """Register a handler of a topic.

        Args:
            topic: the topic.
            handler: accepts the message. Its other parameters are dependencies.

        Raises:
            ConfigurationError: a parameter cannot be filled.
        """
        self._add(topic, self._handler(handler, sys._getframe(1).f_locals))

    async def receive(self, message: object, topic: str) -> None:
        """Call all handlers of a topic, in the order of their registration.

        A topic without handlers is not an error.

        Raises:
            Exception: the error of the only handler that failed. The others have run.
            ExceptionGroup: the errors of several handlers, in order.
        """
        handlers = self._handlers.get(topic)
        if handlers is None:
            get_logger().info("No handler is subscribed to %r", topic)
            return
        await deliver([handler.call for handler in handlers], message)

    def _handler(self, function: TFunction, localns: Mapping[str, Any]) -> Handler[TFunction]:
        context = message_context(message_parameter(function, localns))
        return self._keep(
            Handler(function, self.provider, context, argument_count=1, localns=localns)
        )

    def _add(self, topic: str, handler: Handler[Any]) -> None:
        handlers = self._handlers.get(topic, [])
        if all(key_of(known.function) != key_of(handler.function) for known in handlers):
            self._handlers[topic] = [*handlers, handler]
