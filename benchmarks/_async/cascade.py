"""One command whose handler raises many events, each with three listeners."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from messagebus import AsyncMessageBus

from ..contender import Loop
from ..messages import Book, Register, Registered, events
from .by_hand import AsyncWorkByHand
from .library import AsyncCrowdedLibrary, AsyncLibrary


async def first(event: Any, uow: Any) -> None:
    """Hear the event, first."""


async def second(event: Any, uow: Any) -> None:
    """Hear the event, second."""


async def third(event: Any, uow: Any) -> None:
    """Hear the event, last."""


def by_hand(count: int) -> Loop:
    """Loop over a queue of events and over their listeners."""
    raised = events(count)
    uow = AsyncWorkByHand()
    command = Register(id="1", title="A title")

    async def raise_events(command: Any, transaction: Any) -> None:
        transaction.uow.raised.extend(raised)

    handlers: dict[type, list[Callable[..., Any]]] = {
        Register: [raise_events],
        Registered: [first, second, third],
    }

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow.begin() as transaction:
                waiting: deque[Any] = deque([command])
                while waiting:
                    message = waiting.popleft()
                    for handler in handlers[type(message)]:
                        await handler(message, transaction)
                    if uow.raised:
                        waiting.extend(uow.raised)
                        uow.raised.clear()
                await transaction.commit()

    return run


def through_the_bus(count: int, library: Callable[[], AsyncLibrary] = AsyncLibrary) -> Loop:
    """Let a model raise the events and the bus dispatch them."""
    raised = events(count)
    uow = library()
    book = Book(id="1")
    command = Register(id="1", title="A title")

    async def raise_events(command: Any, transaction: Any) -> None:
        book.messages.extend(raised)
        transaction.books.seen.append(book)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Register, raise_events)
    for listener in (first, second, third):
        bus.add_listener(Registered, listener)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with uow as transaction:
                await bus.handle(command, transaction)
                await transaction.commit()

    return run


through_a_crowd = partial(through_the_bus, library=AsyncCrowdedLibrary)
