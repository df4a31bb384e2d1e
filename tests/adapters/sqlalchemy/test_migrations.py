"""The tables in the migrations of an application, as Alembic generates them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from messagebus.adapters.sqlalchemy import prepare_sqlite
from tests._sync.adapters.sqlalchemy.shelves import publish, stored
from tests.typing.test_checkers import CACHE

pytestmark = pytest.mark.slow

Alembic = Callable[..., str]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'messages.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def alembic(url: str, tmp_path: Path) -> Alembic:
    """Return a function that runs Alembic with its default set-up and returns the output."""

    def alembic(*arguments: str) -> str:
        command = [sys.executable, "-W", "error", "-m", "alembic", *arguments]
        process = subprocess.run(
            command,
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert 0 == process.returncode, process.stdout
        return process.stdout

    def edit(name: str, old: str, new: str) -> None:
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new))

    alembic("init", "migrations")
    edit("alembic.ini", "driver://user:pass@localhost/dbname", url.replace("%", "%%"))
    edit(
        "migrations/env.py",
        "target_metadata = None",
        "from messagebus.adapters.sqlalchemy import metadata as target_metadata",
    )
    return alembic


def test_alembic_generates_a_complete_migration(alembic: Alembic, url: str, tmp_path: Path) -> None:
    """The migration imports its names, works, leaves no difference, and can be undone."""
    alembic("revision", "--autogenerate", "-m", "outbox")
    [script] = (tmp_path / "migrations" / "versions").glob("*.py")
    alembic("upgrade", "head")

    assert "messagebus.adapters" not in script.read_text()
    assert "No new upgrade operations detected." in alembic("check")

    engine = prepare_sqlite(create_engine(url))
    publish(engine, "1")
    assert ["pending"] == [record.state for record in stored(engine)]
    engine.dispose()
    alembic("downgrade", "base")


def test_mypy_accepts_a_generated_migration(alembic: Alembic, tmp_path: Path) -> None:
    """With the strict options, so that an application can check its migrations."""
    alembic("revision", "--autogenerate", "-m", "outbox")
    [script] = (tmp_path / "migrations" / "versions").glob("*.py")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *CACHE, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout


def test_a_migration_that_was_written_on_one_database_serves_on_another(
    alembic: Alembic, url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A migration written on SQLite works on a server, and the other way round."""
    alembic("revision", "--autogenerate", "-m", "outbox")
    other = (
        request.getfixturevalue("postgres_url")
        if url.startswith("sqlite")
        else f"sqlite:///{tmp_path / 'other.db'}"
    )
    settings = tmp_path / "alembic.ini"
    settings.write_text(settings.read_text().replace(url.replace("%", "%%"), other))
    alembic("upgrade", "head")

    assert "No new upgrade operations detected." in alembic("check")
