"""The mediator of mediatr."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contender import Loop
from ..messages import Register


class _AsyncRegister(Register):
    """The registry of mediatr is one for the whole process: each colour has its command."""


async def _handle_async(request: Any) -> None:
    """Do nothing with the message."""


def _handle(request: Any) -> None:
    """Do nothing with the message."""


def _mediator(kind: type, handler: Any) -> Any:
    from mediatr import Mediator

    handler.__annotations__["request"] = kind  # it reads no annotations that are strings
    Mediator.register_handler(handler)
    return Mediator()


def sent_async() -> Loop:
    """Send a command that is built."""
    mediator = _mediator(_AsyncRegister, _handle_async)
    command = _AsyncRegister(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await mediator.send_async(command)

    return run


def sent() -> Loop:
    """Send a command that is built."""
    mediator = _mediator(Register, _handle)
    command = Register(id="1", title="A title")

    def run(times: Iterable[None]) -> None:
        for _ in times:
            mediator.send(command)

    return run


def built_and_sent_async() -> Loop:
    """Build a command, and send it."""
    mediator = _mediator(_AsyncRegister, _handle_async)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await mediator.send_async(_AsyncRegister(id="1", title="A title"))

    return run


def built_and_sent() -> Loop:
    """Build a command, and send it."""
    mediator = _mediator(Register, _handle)

    def run(times: Iterable[None]) -> None:
        for _ in times:
            mediator.send(Register(id="1", title="A title"))

    return run
