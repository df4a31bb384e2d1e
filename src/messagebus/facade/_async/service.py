"""Services: functions that are called by the name of an action."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..._compat.callables import describe
from ..._di.overrides import Overridable, Provider
from ...exceptions import ConfigurationError, UnknownActionError
from ..actions import action_name
from .handler import Handler, TFunction


class Service(Overridable):
    """Functions that can be called by name, with their dependencies filled.

    Args:
        generator: makes the name of an action of the name of its function; by default it has
            ``-`` where that has ``_``.
        provider: the overrides of dependencies; give the same to several components to let them
            share these.
    """

    def __init__(
        self,
        *,
        generator: Callable[[str], str] = action_name,
        provider: Provider | None = None,
    ) -> None:
        super().__init__(provider=provider)
        self.generator = generator
        self._handlers: dict[str, Handler[Any]] = {}

    def handler(self, wrapped: TFunction) -> TFunction:
        """Register a function as an action.

        Returns:
            The function; its dependencies are filled where it is called directly, too.

        Raises:
            ConfigurationError: there is an action of that name, the function has no name, or a
                dependency can not be filled.
        """
        name = getattr(wrapped, "__name__", None)
        if name is None:
            text = f"{wrapped!r} can not be an action: it has no name"
            raise ConfigurationError(text, listener=wrapped)
        action = self.generator(name)
        if action in self._handlers:
            text = f"There is an action {action!r}: {describe(self._handlers[action].function)}"
            raise ConfigurationError(text, listener=wrapped)
        handler = Handler(wrapped, self.provider, localns=sys._getframe(1).f_locals)
        self._handlers[action] = handler
        return handler.injected

    async def execute(self, action: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function of an action, with its dependencies filled.

        Args:
            action: the name of the action.
            args: arguments of the function.
            kwargs: arguments of the function; dependencies that are given here are not filled.

        Returns:
            What the function returns.

        Raises:
            UnknownActionError: there is no such action.
        """
        handler = self._handlers.get(action)
        if handler is None:
            raise UnknownActionError(action, self._handlers)
        return await handler.call(*args, **kwargs)
