"""The preparation of listeners and of *handle*: middleware, policies, and the log of calls."""

from __future__ import annotations

from typing import Any

from ..._compat.aio import ensure_own_colour
from ..._compat.logs import is_debugging
from ...exceptions import ConfigurationError
from ...typing import AsyncMiddleware
from ..listeners import Listeners
from ..middleware import compose
from ..on_error import OnError
from .cascade import AsyncCascade
from .listener import AsyncListener
from .middleware import AsyncHandleCall, AsyncListenerCall, handle
from .substitutes import isolate, refuse_without_savepoints, trace, wrap


class AsyncPreparation:
    """What a bus does around its listeners and around *handle*."""

    def __init__(self) -> None:
        self._around_listeners: list[AsyncMiddleware[AsyncListenerCall]] = []
        self._around_handle: list[AsyncMiddleware[AsyncHandleCall]] = []
        self._isolates = False

    def add(
        self,
        middleware: AsyncMiddleware[Any],
        around: str,
        listeners: Listeners[AsyncListener],
        cascade: AsyncCascade,
    ) -> None:
        """Add middleware.

        Raises:
            ConfigurationError: it belongs to the other colour, or there is nothing of that name
                to wrap.
        """
        ensure_own_colour(middleware)
        if around == "listener":
            self._around_listeners.append(middleware)
            listeners.forget_routes()
        elif around == "handle":
            self._around_handle.append(middleware)
            self._compose(listeners, cascade)
        else:
            text = f"around must be 'listener' or 'handle', not {around!r}"
            raise ConfigurationError(text, listener=middleware)

    def allow(
        self, on_error: OnError, listeners: Listeners[AsyncListener], cascade: AsyncCascade
    ) -> None:
        """Let *handle* check what the policy of a listener needs."""
        if on_error == "isolate" and not self._isolates:
            self._isolates = True
            self._compose(listeners, cascade)

    def prepare(self, listener: AsyncListener, *, name: str | None) -> AsyncListener:
        """Return what is called of a listener."""
        if is_debugging():
            listener = trace(listener)
        if self._around_listeners:
            listener = wrap(listener, self._around_listeners)
        if name is None or listener.on_error != "isolate":
            return listener
        return isolate(listener, name)

    def _compose(self, listeners: Listeners[AsyncListener], cascade: AsyncCascade) -> None:
        around: list[AsyncMiddleware[Any]] = [*self._around_handle]
        if self._isolates:
            around.insert(0, refuse_without_savepoints())
        cascade.around = compose(around, handle)
        listeners.keep_whole()
