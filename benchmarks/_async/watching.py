"""One command through a transaction, with middleware and with telemetry around its handler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from messagebus import AsyncListenerCall, AsyncMessageBus
from messagebus.typing import AsyncNext

from ..contender import Loop
from ..messages import Register
from ..telemetry import unsampled
from .library import AsyncLibrary, handle


async def pass_on(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
    """Do nothing."""
    return await call_next(call)


def through_middleware() -> Loop:
    """Dispatch a command whose handler has one middleware that does nothing."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_middleware(pass_on)
    return _dispatching(bus)


def with_telemetry() -> Loop:
    """Dispatch a command whose spans are all dropped by the sampler."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    unsampled(bus)
    return _dispatching(bus)


def without_provider() -> Loop:
    """Dispatch a command of a bus that was instrumented where there is no provider."""
    from messagebus.otel import instrument

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    instrument(bus)
    return _dispatching(bus)


def _dispatching(bus: AsyncMessageBus[Any]) -> Loop:
    bus.add_listener(Register, handle)
    uow = AsyncLibrary()
    command = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run
