"""A database for the command line, and the command line as a process."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import prepare_sqlite

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Restore the root logger, which the commands configure for their process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_file_with_tables: Path) -> str:
    """Return the URL of a database, which is empty unless the test asks for an *engine*."""
    has_tables = "engine" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "messages.db"
        if has_tables:
            shutil.copy(sqlite_file_with_tables, path)
        else:
            path.touch()
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_url_with_tables" if has_tables else "postgres_url")
    return url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Yield an engine on a database with the tables."""
    engine = prepare_sqlite(create_engine(url))
    yield engine
    engine.dispose()


@pytest.fixture
def start() -> Iterator[Start]:
    """Yield a function that starts the command line; kill running processes at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "messagebus", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
