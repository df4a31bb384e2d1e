"""Signals of blinker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contender import Loop
from ..messages import Register


async def _handle_async(sender: Any) -> None:
    """Do nothing with the message."""


def _handle(sender: Any) -> None:
    """Do nothing with the message."""


def _signal(receiver: Any) -> Any:
    import blinker

    signal = blinker.Signal()
    signal.connect(receiver)
    return signal


def sent_async() -> Loop:
    """Send a ready-made command."""
    signal = _signal(_handle_async)
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await signal.send_async(command)

    return run


def sent() -> Loop:
    """Send a ready-made command."""
    signal = _signal(_handle)
    command = Register(id="1", title="A title")

    def run(times: Iterable[None]) -> None:
        for _ in times:
            signal.send(command)

    return run


def built_and_sent_async() -> Loop:
    """Build a command, and send it."""
    signal = _signal(_handle_async)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await signal.send_async(Register(id="1", title="A title"))

    return run


def built_and_sent() -> Loop:
    """Build a command, and send it."""
    signal = _signal(_handle)

    def run(times: Iterable[None]) -> None:
        for _ in times:
            signal.send(Register(id="1", title="A title"))

    return run
