"""The page on Django on PostgreSQL, too. Its settings hold for a process, so it has its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "integrations" / "django.md"
DATABASE = re.compile(r'"ENGINE": "django.db.backends.sqlite3".*?(?=\n        }\n)', re.DOTALL)


def test_the_unit_of_work_on_django_runs_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    """Migration, commit, refusal and relay are the same on both databases."""
    url = sa.make_url(postgres_url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "HOST": url.host,
        "PORT": str(url.port),
        "USER": url.username,
    }
    source, changes = DATABASE.subn(f"**{database!r}", PAGE.read_text("utf-8"))
    page = tmp_path / PAGE.name
    page.write_text(source.replace("sqlite:///shop.db", postgres_url), "utf-8")
    command = [sys.executable, "-W", "error", "-m", "tests.pages", str(page)]

    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert 1 == changes
    assert (0, "") == (done.returncode, done.stderr)
