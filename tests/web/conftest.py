"""A database with messages in every state, and clients of its page."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import ASGIApp

from messagebus import AsyncMessageBus
from messagebus.web import create_app
from tests.running.aio import AsyncEngine, new_engine, sqlite_url
from tests.web.shop import Shop

HOST = "http://localhost:8765"

both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_file_with_tables: Path
) -> str:
    """Return the URL of a database, on SQLite unless a test asks for *both_databases*."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return sqlite_url(shutil.copy(sqlite_file_with_tables, tmp_path / "messages.db"))
    url: str = request.getfixturevalue("postgres_url_with_tables")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with empty tables."""
    engine = new_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def shop(engine: AsyncEngine) -> Shop:
    """Return an application that stores messages and buries dead letters."""
    return Shop(engine)


@asynccontextmanager
async def connect(app: ASGIApp, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Connect a client to a page without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, **{"base_url": HOST, **options}) as client:
        yield client


def admit(request: Request) -> str:
    """Admit everybody as Ada."""
    return "ada"


@pytest.fixture
async def client(engine: AsyncEngine, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the page, which knows the application."""
    bus: AsyncMessageBus[Any] = shop.bus
    app = create_app(engine, authorize=admit, bus=bus, unit_of_work=shop.unit_of_work)
    async with connect(app) as client:
        yield client
