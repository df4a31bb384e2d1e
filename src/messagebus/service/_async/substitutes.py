"""Stand-ins for listeners: one logs the calls of another, one warns that there is no handler."""

from __future__ import annotations

from typing import Any

from ...domain.model import Message
from ..diagnostics import warn_unhandled
from .listener import AsyncListener


async def warn(command: Message[Any], _uow: object) -> None:
    """Stand in for the handler of a command that has none and is not published."""
    warn_unhandled(command)


def trace(listener: AsyncListener) -> AsyncListener:
    """Return a listener that logs the calls of another one."""
    # Imported here because most programs never log at level DEBUG.
    from .tracing import AsyncTracedListener

    return AsyncTracedListener(listener)
