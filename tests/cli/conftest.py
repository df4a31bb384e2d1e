"""A database for the command line, and the command line as a process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables

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
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an existing, empty database."""
    if request.param == "sqlite":
        (tmp_path / "messages.db").touch()
        return f"sqlite:///{tmp_path / 'messages.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Yield an engine on a database with the tables."""
    engine = prepare_sqlite(create_engine(url))
    sync_create_tables(engine)
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
