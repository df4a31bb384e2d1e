"""Containers of dishka."""

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


async def _clock() -> Clock:
    return Clock()


async def _settings() -> Settings:
    return Settings()


async def _connection(settings: Settings) -> Connection:
    return Connection(settings)


async def _storage(connection: Connection) -> Storage:
    return Storage(connection)


async def _handle_async(request: Any, clock: Any, storage: Any, session: Any) -> None:
    """Do nothing with the dependencies."""


def _handle(request: Any, clock: Any, storage: Any, session: Any) -> None:
    """Do nothing with the dependencies."""


def scoped_async() -> Loop:
    """Enter a scope, resolve the three dependencies, and call the handler."""
    from dishka import Provider, Scope, make_async_container

    provider = Provider(scope=Scope.REQUEST)
    for source in (_clock, _settings, _connection, _storage, _session_async):
        provider.provide(source)
    container = make_async_container(provider)
    request = Request()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            async with container() as scope:
                await _handle_async(
                    request,
                    await scope.get(Clock),
                    await scope.get(Storage),
                    await scope.get(Session),
                )

    return run


def scoped() -> Loop:
    """Enter a scope, resolve the three dependencies, and call the handler."""
    from dishka import Provider, Scope, make_container

    provider = Provider(scope=Scope.REQUEST)
    for source in (Clock, Settings, Connection, Storage, _session):
        provider.provide(source)
    container = make_container(provider)
    request = Request()

    def run(times: Iterable[None]) -> None:
        for _ in times:
            with container() as scope:
                _handle(request, scope.get(Clock), scope.get(Storage), scope.get(Session))

    return run
