"""The event emitters of pyee."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contender import Loop
from ..messages import Register


async def _handle_async(message: Any) -> None:
    """Do nothing with the message."""


def _handle(message: Any) -> None:
    """Do nothing with the message."""


def emitted_async() -> Loop:
    """Emit a ready-made command, and wait until it is handled."""
    from pyee.asyncio import AsyncIOEventEmitter

    emitter = AsyncIOEventEmitter()
    emitter.on("register", _handle_async)
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            emitter.emit("register", command)
            await emitter.wait_for_complete()

    return run


def emitted() -> Loop:
    """Emit a ready-made command."""
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    emitter.on("register", _handle)
    command = Register(id="1", title="A title")

    def run(times: Iterable[None]) -> None:
        for _ in times:
            emitter.emit("register", command)

    return run
