"""A database with messages in every state, and clients of its page."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine
from starlette.requests import Request
from starlette.types import ASGIApp

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import (
    async_create_tables,
    prepare_sqlite,
    sync_create_tables,
)
from messagebus.web import create_app
from tests.bookshelf import Base
from tests.running.aio import AsyncEngine, create_all, new_engine, sqlite_url
from tests.web.shop import Shop

HOST = "http://localhost:8765"

both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file with empty tables: a copy is made faster than the tables are."""
    path = tmp_path_factory.mktemp("web") / "empty.db"
    engine = prepare_sqlite(create_engine(f"sqlite:///{path}"))
    sync_create_tables(engine)
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> str:
    """Return the URL of an empty database, on SQLite unless a test asks for *both_databases*."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return sqlite_url(shutil.copy(empty_file, tmp_path / "messages.db"))
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with empty tables."""
    engine = new_engine(database_url)
    if engine.dialect.name != "sqlite":
        await async_create_tables(engine)
        await create_all(engine, Base.metadata)
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
