"""Logs each call of a listener, at level DEBUG."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from ..._compat.callables import describe
from ..._compat.logs import get_logger
from ...domain.model import Message
from .listener import AsyncListener


class AsyncTracedListener(AsyncListener):
    """A listener that logs its calls.

    Args:
        listener: the listener.
    """

    __slots__ = ("_listener", "_name")

    def __init__(self, listener: AsyncListener) -> None:
        self._listener = listener
        self._name = describe(listener.function)
        self.take_after(listener)
        self.callback = self._call

    async def call(self, message: Message[Any], transaction: Any, dependencies: Any) -> Any:
        """Call the listener with its dependencies, and log the call."""
        return await self._log(message, self._listener.call, transaction, dependencies)

    async def _call(self, message: Message[Any], transaction: Any) -> Any:
        return await self._log(message, self._listener.callback, transaction)

    async def _log(self, message: Message[Any], call: Any, *arguments: Any) -> Any:
        begun = perf_counter()
        outcome = "failed on"
        try:
            result = await call(message, *arguments)
            outcome = "handled"
            return result
        finally:
            duration = perf_counter() - begun
            kind = type(message).__qualname__
            get_logger().debug(
                "%s %s %s %s in %.3f ms",
                self._name,
                outcome,
                kind,
                message.message_id,
                duration * 1000,
                extra={
                    "event": "listener.called",
                    "listener": self._name,
                    "message_type": kind,
                    "message_id": str(message.message_id),
                    "duration": duration,
                    "failed": outcome != "handled",
                },
            )
