"""One command through a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from messagebus import AsyncMessageBus

from ..contender import Loop
from ..messages import Plain, Register, RegisterByHand
from .by_hand import AsyncWorkByHand
from .library import AsyncLibrary, handle


def called_directly() -> Loop:
    """Call the handler directly."""
    uow = AsyncLibrary()
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await handle(command, uow)

    return run


def by_hand() -> Loop:
    """Look up the handler in a dict, and call it in a transaction."""
    uow = AsyncWorkByHand()
    handlers = {Register: handle}
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow.begin() as transaction:
                await handlers[type(command)](command, transaction)
                await transaction.commit()

    return run


def through_the_bus() -> Loop:
    """Dispatch a command through the bus."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Register, handle)
    uow = AsyncLibrary()
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run


def built_and_by_hand() -> Loop:
    """Build a command written without a library, and dispatch it by hand."""
    uow = AsyncWorkByHand()
    handlers = {RegisterByHand: handle}

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            command = RegisterByHand(id="1", title="A title")
            async with uow.begin() as transaction:
                await handlers[type(command)](command, transaction)
                await transaction.commit()

    return run


def built_and_through_the_bus() -> Loop:
    """Build a command, and dispatch it through the bus."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Register, handle)
    uow = AsyncLibrary()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            command = Register(id="1", title="A title")
            async with uow as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run


def only_built() -> Loop:
    """Build a command."""

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            Register(id="1", title="A title")

    return run


def built_by_hand() -> Loop:
    """Build a command written without a library."""

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            RegisterByHand(id="1", title="A title")

    return run


def model_built() -> Loop:
    """Build a plain pydantic model with the fields of the command."""

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            Plain(id="1", title="A title")

    return run
