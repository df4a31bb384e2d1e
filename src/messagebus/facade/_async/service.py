"""Services: call functions by the name of an action."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, overload

from ..._compat.aio import ensure_settled
from ..._compat.callables import describe
from ..._di.overrides import Provider
from ...exceptions import ConfigurationError, UnknownActionError
from ..handlers import action_name
from .handler import Component, Handler, TFunction


class Service(Component):
    """Calls functions by the name of an action and fills their dependencies.

    Args:
        provider: the overrides of dependencies. Components that are given the same provider share
            them.
        generator: converts the name of a function to the name of its action. By default it
            replaces ``_`` by ``-``.
    """

    def __init__(
        self,
        provider: Provider | None = None,
        *,
        generator: Callable[[str], str] = action_name,
    ) -> None:
        super().__init__(provider=provider)
        self.generator = generator
        self._handlers: dict[str, Handler[Any]] = {}

    @property
    def handlers(self) -> Mapping[str, Callable[..., Any]]:
        """The functions by action: a snapshot for reading."""
        found = {action: handler.decorated for action, handler in self._handlers.items()}
        return MappingProxyType(found)

    def handler(self, wrapped: TFunction) -> TFunction:
        """Register a function as an action.

        Returns:
            The function. Its dependencies are filled when it is called directly, too.

        Raises:
            ConfigurationError: the name of the action is taken, the function has no name, or a
                parameter cannot be filled.
        """
        name = getattr(wrapped, "__name__", None)
        if name is None:
            text = f"{wrapped!r} cannot be an action: it has no __name__"
            raise ConfigurationError(text, listener=wrapped, advice="Register a function.")
        action = self.generator(name)
        if not isinstance(action, str):
            text = f"{describe(self.generator)} must return the name of an action, not {action!r}"
            raise ConfigurationError(text, listener=self.generator, advice="Return a string.")
        if action in self._handlers:
            taken = describe(self._handlers[action].function)
            text = f"The action {action!r} is already registered, for {taken}"
            advice = "Rename one of the functions, or register them with two services."
            raise ConfigurationError(text, listener=wrapped, advice=advice)
        handler = self._keep(Handler(wrapped, self.provider, localns=sys._getframe(1).f_locals))
        self._handlers[action] = handler
        return handler.decorated

    @overload
    async def execute(self, action: str, /, *args: Any, **kwargs: Any) -> Any: ...
    @overload
    async def execute(self, /, *, action: str, **kwargs: Any) -> Any: ...
    async def execute(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function of an action and fill its dependencies.

        Args:
            action: the name of the action. It can be passed by keyword if nothing is passed by
                position; otherwise the keyword belongs to the function.
            args: positional arguments of the function.
            kwargs: keyword arguments of the function. A dependency that is passed here is not
                filled.

        Returns:
            The result of the function.

        Raises:
            UnknownActionError: the service has no such action.
        """
        if not args:
            if "action" not in kwargs:
                text = "execute() needs the name of an action"
                raise TypeError(text)
            args = (kwargs.pop("action"),)
        action, *arguments = args
        handler = self._handlers.get(action)
        if handler is None:
            raise UnknownActionError(action, self._handlers)
        result = await handler.call(*arguments, **kwargs)
        if result is not None:
            ensure_settled(result, handler.function)
        return result
