"""Databases, units of work and transports."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, new_bus
from tests.running.aio import AsyncEngine, new_engine, sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_file_with_tables: Path
) -> str:
    """Return the URL of a database, which is empty unless the test asks for an *engine*."""
    has_tables = "engine" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "messages.db"
        return sqlite_url(shutil.copy(sqlite_file_with_tables, path) if has_tables else path)
    url: str = request.getfixturevalue("postgres_url_with_tables" if has_tables else "postgres_url")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with empty tables."""
    engine = new_engine(database_url)
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
