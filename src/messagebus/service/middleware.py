"""Middleware: what is done around a call, composed when it is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Call:
    """The call of a listener or handler with a message, as middleware sees it.

    Args:
        message: see *Attributes*.
        function: see *Attributes*.

    Attributes:
        message: the message.
        function: the listener or handler, as it was registered.
    """

    __slots__ = ("function", "message")

    def __init__(self, message: Any, function: Callable[..., Any]) -> None:
        self.message: Any = message
        self.function: Callable[..., Any] = function


class HandlerCall(Call):
    """The call of a handler of the facade.

    Args:
        function: see *Attributes*.
        arguments: see *Attributes*.
        keywords: see *Attributes*.

    Attributes:
        message: the first argument: the event, the message, or what an action is called with;
            None if there is no argument.
        function: the handler, as it was registered.
        arguments: all positional arguments.
        keywords: the keyword arguments.
    """

    __slots__ = ("arguments", "keywords")

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> None:
        super().__init__(arguments[0] if arguments else None, function)
        self.arguments: tuple[Any, ...] = arguments
        self.keywords: Mapping[str, Any] = keywords


def compose(
    middleware: Iterable[Callable[..., Any]], last: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Return what passes a call through middleware, the first one outermost.

    Args:
        middleware: each accepts a call, and what passes it on.
        last: makes the call.
    """
    for each in reversed([*middleware]):
        last = _step(each, last)
    return last


def _step(middleware: Callable[..., Any], call_next: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def step(call: Any) -> Any:
        return middleware(call, call_next)

    return step
