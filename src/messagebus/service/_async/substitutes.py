"""Stand-ins for listeners.

Most programs need few of them, so their modules are imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...domain.model import Message
from ..diagnostics import warn_unhandled
from .listener import AsyncListener


async def warn(command: Message[Any], _uow: object) -> None:
    """Stand in for the handler of a command that has none and is not published."""
    warn_unhandled(command)


def trace(listener: AsyncListener) -> AsyncListener:
    """Return a listener that logs the calls of another one."""
    from .tracing import AsyncTracedListener

    return AsyncTracedListener(listener)


def wrap(listener: AsyncListener, middleware: Sequence[Callable[..., Any]]) -> AsyncListener:
    """Return a listener that passes the calls of another one through middleware."""
    from .middleware import AsyncWrappedListener

    return AsyncWrappedListener(listener, middleware)


def isolate(listener: AsyncListener, name: str) -> AsyncListener:
    """Return a listener that undoes the failures of another one alone, and keeps its name."""
    from .isolation import AsyncIsolatedListener

    return AsyncIsolatedListener(listener, name)


def refuse_without_savepoints() -> Callable[..., Any]:
    """Return the middleware that refuses to handle messages where there are no savepoints."""
    from .isolation import refuse_without_savepoints

    return refuse_without_savepoints
