"""The mediator of mediatr."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contender import Loop
from ..messages import Register


class _AsyncRegister(Register):
    """A command for async code alone: mediatr has one registry for the whole process."""


async def _handle_async(request: Any) -> None:
    """Do nothing with the message."""


def _handle(request: Any) -> None:
    """Do nothing with the message."""


def _mediator(kind: type, handler: Any) -> Any:
    from mediatr import Mediator

    handler.__annotations__["request"] = kind  # it does not evaluate string annotations
    Mediator.register_handler(handler)
    return Mediator()


def sent_async() -> Loop:
    """Send a ready-made command."""
    mediator = _mediator(_AsyncRegister, _handle_async)
    command = _AsyncRegister(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await mediator.send_async(command)

    return run


def sent() -> Loop:
    """Send a ready-made command."""
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
