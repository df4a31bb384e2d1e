"""Buses with handlers for many types of messages."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from messagebus import AsyncMessageBus

from ..contender import Loop
from ..messages import commands
from .by_hand import AsyncWorkByHand
from .library import AsyncLibrary, handle


def one_of(count: int) -> Loop:
    """Dispatch one command on a bus with handlers for *count* types."""
    bus, uow = _bus(count), AsyncLibrary()
    command = commands(count)[count // 2]

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run


def one_by_hand(count: int) -> Loop:
    """Look up one handler in a dict of *count*."""
    uow = AsyncWorkByHand()
    handlers = {type(each): handle for each in commands(count)}
    command = commands(count)[count // 2]

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow.begin() as transaction:
                await handlers[type(command)](command, transaction)
                await transaction.commit()

    return run


def each_of(count: int) -> Loop:
    """Dispatch commands of *count* types in turn, too many for the processor's caches."""
    bus, uow = _bus(count), AsyncLibrary()
    turn = commands(count)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            for command in turn:
                async with uow as transaction:
                    await bus.handle(command, transaction)
                    await transaction.commit()

    return run


def each_by_hand(count: int) -> Loop:
    """Look up *count* handlers in turn."""
    uow = AsyncWorkByHand()
    handlers = {type(each): handle for each in commands(count)}
    turn = commands(count)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            for command in turn:
                async with uow.begin() as transaction:
                    await handlers[type(command)](command, transaction)
                    await transaction.commit()

    return run


def registering(count: int) -> Loop:
    """Create a bus, and add *count* handlers to it."""
    commands(count)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            _bus(count)

    return run


def scanning(package: str) -> Loop:
    """Create a bus, and scan modules that are imported already."""

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            bus: AsyncMessageBus[Any] = AsyncMessageBus()
            bus.scan(package)

    return run


def scanning_by_hand(package: str) -> Loop:
    """Walk the modules, and collect the functions that begin with "handle" in a dict."""

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            found: dict[type, Any] = {}
            top = import_module(package)
            for info in pkgutil.walk_packages(top.__path__, f"{package}."):
                for name, value in vars(import_module(info.name)).items():
                    if name.startswith("handle"):
                        found[value.__annotations__["command"]] = value

    return run


def _bus(count: int) -> AsyncMessageBus[Any]:
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    for each in commands(count):
        # A separate function for each type, as in an application.
        bus.add_listener(type(each), _handler())
    return bus


def _handler() -> Any:
    async def handle(message: Any, uow: Any) -> None:
        """Do nothing with the message."""

    return handle
