"""Jobs for the trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running.blocking import sqlite_url
from tests.servers.postgres import new_database

from .application import Job

NewJob = Callable[..., Job]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "messages.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def stream_url(redis_url: str, unique_name: str) -> str:
    """Return the URL of a stream that keeps duplicates."""
    return f"{redis_url}?stream={unique_name}&create=true&deduplicate_for=0"


@pytest.fixture
def job(database_url: str, stream_url: str, tmp_path: Path) -> Job:
    """Return a job whose stream keeps every message."""
    return Job(database_url, stream_url, tmp_path, seed=1)


@pytest.fixture
def other_postgres_url(postgres_server_url: str) -> Iterator[str]:
    """Yield the URL of another empty database, for consumers."""
    with new_database(postgres_server_url) as url:
        yield url
