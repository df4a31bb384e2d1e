"""Databases, units of work and transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import async_create_tables
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, new_bus
from tests.bookshelf import Base
from tests.running.aio import AsyncEngine, create_all, new_engine, sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "messages.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with empty tables."""
    engine = new_engine(database_url)
    await async_create_tables(engine)
    await create_all(engine, Base.metadata)
    yield engine
    await engine.dispose()


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus on which a registered book is one command and two events."""
    return new_bus()


@pytest.fixture
def uow(engine: AsyncEngine) -> AsyncShelves:
    """Return a unit of work on that database."""
    return AsyncShelves(engine)


@pytest.fixture
def transport() -> AsyncRecorder:
    """Return a transport that records every message, repeated ones included."""
    return AsyncRecorder()
