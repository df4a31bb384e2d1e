"""A handler with three dependencies: a plain one, one nested two deep, and a generator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from messagebus.depends import Depends, inject
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service

from ..contender import Loop
from ..parts import Clock, Connection, Request, Session, Settings, Storage


async def clock() -> Clock:
    """Return the plain dependency."""
    return Clock()


async def settings() -> Settings:
    """Return the settings of the connection."""
    return Settings()


async def connection(settings: Settings = Depends(settings)) -> Connection:
    """Return the connection of the storage."""
    return Connection(settings)


async def storage(connection: Connection = Depends(connection)) -> Storage:
    """Return the nested dependency."""
    return Storage(connection)


async def session() -> AsyncIterator[Session]:
    """Yield the third dependency, and close it after the handler."""
    made = Session()
    try:
        yield made
    finally:
        made.close()


async def handle(
    request: Request,
    clock: Clock = Depends(clock),
    storage: Storage = Depends(storage),
    session: Session = Depends(session),
) -> None:
    """Do nothing with the dependencies."""


DEPENDENCIES = (clock, storage, session)


def straight_lines() -> Loop:
    """Spell out every call, with ``try`` and ``finally`` for the cleanup."""
    request = Request()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            time = await clock()
            store = await storage(await connection(await settings()))
            made = Session()
            try:
                await handle(request, time, store, made)
            finally:
                made.close()

    return run


def by_hand() -> Loop:
    """Spell out every call, with an exit stack for the cleanup."""
    request = Request()
    opened = asynccontextmanager(session)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with AsyncExitStack() as stack:
                time = await clock()
                store = await storage(await connection(await settings()))
                made = await stack.enter_async_context(opened())
                await handle(request, time, store, made)

    return run


def injected() -> Loop:
    """Call a function that has its parameters injected."""
    request = Request()
    call = inject(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await call(request)

    return run


def injected_with(
    clock: Callable[..., Any], storage: Callable[..., Any], session: Callable[..., Any]
) -> Callable[[], Loop]:
    """Return a loop over a function that has the given dependencies injected."""

    async def handle(
        request: Request,
        clock: Clock = Depends(clock),
        storage: Storage = Depends(storage),
        session: Session = Depends(session),
    ) -> None:
        """Do nothing with the dependencies."""

    def loop() -> Loop:
        request = Request()
        call = inject(handle)

        async def run(times: Iterable[None]) -> None:
            for _ in times:
                await call(request)

        return run

    return loop


def through_a_service() -> Loop:
    """Call an action of a service by its name."""
    request = Request()
    service = Service()
    service.handler(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await service.execute("handle", request)

    return run


def through_a_consumer() -> Loop:
    """Send the request to a consumer."""
    request = Request()
    consumer = Consumer()
    consumer.handler(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await consumer.consume(request)

    return run
