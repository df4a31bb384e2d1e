"""Injection by fast-depends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from ..contender import Loop
from ..parts import Clock, Connection, Request, Session, Settings, Storage


def injected_async() -> Loop:
    """Call a function that has its parameters injected."""
    from fast_depends import Depends, inject

    async def clock() -> Any:
        return Clock()

    async def settings() -> Any:
        return Settings()

    async def connection(settings: Any = Depends(settings, cast=False)) -> Any:
        return Connection(settings)

    async def storage(connection: Any = Depends(connection, cast=False)) -> Any:
        return Storage(connection)

    async def session() -> AsyncIterator[Any]:
        made = Session()
        try:
            yield made
        finally:
            made.close()

    @inject(cast=False, cast_result=False)
    async def handle(
        request: Any,
        clock: Any = Depends(clock, cast=False),
        storage: Any = Depends(storage, cast=False),
        session: Any = Depends(session, cast=False),
    ) -> None:
        """Do nothing with the dependencies."""

    request = Request()

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await handle(request)

    return run


def injected() -> Loop:
    """Call a function that has its parameters injected."""
    from fast_depends import Depends, inject

    def clock() -> Any:
        return Clock()

    def settings() -> Any:
        return Settings()

    def connection(settings: Any = Depends(settings, cast=False)) -> Any:
        return Connection(settings)

    def storage(connection: Any = Depends(connection, cast=False)) -> Any:
        return Storage(connection)

    def session() -> Iterator[Any]:
        made = Session()
        try:
            yield made
        finally:
            made.close()

    @inject(cast=False, cast_result=False)
    def handle(
        request: Any,
        clock: Any = Depends(clock, cast=False),
        storage: Any = Depends(storage, cast=False),
        session: Any = Depends(session, cast=False),
    ) -> None:
        """Do nothing with the dependencies."""

    request = Request()

    def run(times: Iterable[None]) -> None:
        for _ in times:
            handle(request)

    return run
