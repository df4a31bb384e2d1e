"""A handler with three dependencies: plain, nested two deep, and a generator with cleanup."""

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
    """Make the first dependency."""
    return Clock()


async def settings() -> Settings:
    """Make what the connection needs."""
    return Settings()


async def connection(settings: Settings = Depends(settings)) -> Connection:
    """Make what the storage needs."""
    return Connection(settings)


async def storage(connection: Connection = Depends(connection)) -> Storage:
    """Make the second dependency."""
    return Storage(connection)


async def session() -> AsyncIterator[Session]:
    """Make the third, and close it after the handler."""
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
    """Do nothing with what is there."""


DEPENDENCIES = (clock, storage, session)


def straight_lines() -> Loop:
    """Write every call out, with a ``try`` for the cleanup."""
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
    """Write every call out, with an exit stack for the cleanup."""
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
    """Call a function that fills its own parameters."""
    request = Request()
    call = inject(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await call(request)

    return run


def injected_with(
    clock: Callable[..., Any], storage: Callable[..., Any], session: Callable[..., Any]
) -> Callable[[], Loop]:
    """Return what calls a function that fills its parameters with other dependencies."""

    async def handle(
        request: Request,
        clock: Clock = Depends(clock),
        storage: Storage = Depends(storage),
        session: Session = Depends(session),
    ) -> None:
        """Do nothing with what is there."""

    def loop() -> Loop:
        request = Request()
        call = inject(handle)

        async def run(times: Iterable[None]) -> None:
            for _ in times:
                await call(request)

        return run

    return loop


def through_a_service() -> Loop:
    """Call an action by its name."""
    request = Request()
    service = Service()
    service.handler(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await service.execute("handle", request)

    return run


def through_a_consumer() -> Loop:
    """Let a consumer hear the request."""
    request = Request()
    consumer = Consumer()
    consumer.handler(handle)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await consumer.consume(request)

    return run
