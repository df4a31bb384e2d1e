"""The application: each request executes a command, and a relay runs beside all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from messagebus import AsyncAbstractEventstreamTransport, AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, prepare_sqlite

from .messages import Booking, BookSeats, OpenShow
from .model import BoxOfficeError, UnknownShowError
from .storage import Shows, UnitOfWork, metadata, outbox


class State(TypedDict):
    """What the lifespan makes, and `request.state` holds."""

    bus: AsyncMessageBus[Shows]
    engine: AsyncEngine
    relay: AsyncOutboxRelay
    relaying: asyncio.Task[None]


async def get_bus(request: Request) -> AsyncMessageBus[Shows]:
    """Return the bus of the application."""
    bus: AsyncMessageBus[Shows] = request.state.bus
    return bus


async def get_unit_of_work(request: Request) -> UnitOfWork:
    """Return a unit of work for the request, whose commits wake the relay."""
    state = request.state
    return UnitOfWork(state.engine, tables=outbox, on_published=state.relay.wake)


Bus = Annotated[AsyncMessageBus[Shows], Depends(get_bus)]
Work = Annotated[UnitOfWork, Depends(get_unit_of_work)]


def create_app(database: str, transport: AsyncAbstractEventstreamTransport) -> FastAPI:
    """Create the application.

    Args:
        database: SQLAlchemy URL of the database, such as ``sqlite+aiosqlite:///shows.sqlite``.
        transport: receives the published events.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        bus: AsyncMessageBus[Shows] = AsyncMessageBus()
        bus.scan("examples.api.handlers")
        bus.check("examples.api")
        engine = prepare_sqlite(create_async_engine(database))
        async with transport, AsyncExitStack() as on_exit:
            on_exit.push_async_callback(engine.dispose)
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
            # With a short lease, a new process soon takes over from one that was killed.
            relay = AsyncOutboxRelay(engine, transport, tables=outbox, lease=3.0)
            relaying = asyncio.create_task(relay.run())
            try:
                yield State(bus=bus, engine=engine, relay=relay, relaying=relaying)
            finally:
                relay.stop()
                await relaying

    app = FastAPI(title="Box office", lifespan=lifespan)

    @app.exception_handler(BoxOfficeError)
    async def refuse(_: Request, error: BoxOfficeError) -> JSONResponse:
        status = 404 if isinstance(error, UnknownShowError) else 409
        return JSONResponse({"error": type(error).__name__, "detail": str(error)}, status)

    @app.post("/shows", status_code=204)
    async def open_show(command: OpenShow, bus: Bus, uow: Work) -> None:
        await bus.execute(command, uow)

    @app.post("/bookings", status_code=201)
    async def book_seats(command: BookSeats, bus: Bus, uow: Work) -> Booking:
        return await bus.execute(command, uow)

    @app.get("/health")
    async def health(request: Request) -> None:
        if request.state.relaying.done():
            raise HTTPException(503, "the relay has ended")

    return app
