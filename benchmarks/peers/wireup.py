"""Containers of wireup."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from ..contender import Loop
from ..parts import Clock, Connection, Request, Session, Settings, Storage


async def _session_async() -> AsyncIterator[Session]:
    made = Session()
    try:
        yield made
    finally:
        made.close()


def _session() -> Iterator[Session]:
    made = Session()
    try:
        yield made
    finally:
        made.close()


async def _clock_async() -> Clock:
    return Clock()


async def _settings_async() -> Settings:
    return Settings()


async def _connection_async(settings: Settings) -> Connection:
    return Connection(settings)


async def _storage_async(connection: Connection) -> Storage:
    return Storage(connection)


def _clock() -> Clock:
    return Clock()


def _settings() -> Settings:
    return Settings()


def _connection(settings: Settings) -> Connection:
    return Connection(settings)


def _storage(connection: Connection) -> Storage:
    return Storage(connection)


async def _handle_async(request: Any, clock: Any, storage: Any, session: Any) -> None:
    """Do nothing with the dependencies."""


def _handle(request: Any, clock: Any, storage: Any, session: Any) -> None:
    """Do nothing with the dependencies."""


def scoped_async() -> Loop:
    """Enter a scope, resolve the three dependencies, and call the handler."""
    import wireup

    sources = (_clock_async, _settings_async, _connection_async, _storage_async, _session_async)
    container = wireup.create_async_container(
        injectables=[wireup.injectable(each, lifetime="scoped") for each in sources]
    )
    request = Request()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with container.enter_scope() as scope:
                await _handle_async(
                    request,
                    await scope.get(Clock),
                    await scope.get(Storage),
                    await scope.get(Session),
                )

    return run


def scoped() -> Loop:
    """Enter a scope, resolve the three dependencies, and call the handler."""
    import wireup

    sources = (_clock, _settings, _connection, _storage, _session)
    container = wireup.create_sync_container(
        injectables=[wireup.injectable(each, lifetime="scoped") for each in sources]
    )
    request = Request()

    def run(times: Iterable[None]) -> None:
        for _ in times:
            with container.enter_scope() as scope:
                _handle(request, scope.get(Clock), scope.get(Storage), scope.get(Session))

    return run
