"""What a mood changes within a relay: its clock, and the room that SQLite leaves it.

A file in the folder of the trial says how. Neither needs a right on the machine.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import clock

_ALL_PAGES = 2**32 - 2  # the most that SQLite knows, which is its default


def clock_file(folder: Path, pid: int) -> Path:
    """Return the file that holds by how many seconds the clock of a process is wrong."""
    return folder / f"clock.{pid}"


def full_file(folder: Path) -> Path:
    """Return the file that exists while the relays find no room in SQLite."""
    return folder / "full"


def open_seams(folder: Path) -> None:
    """Make this process, which is a relay, follow the files in *folder*."""
    file = clock_file(folder, os.getpid())

    class Wrong(datetime):
        """The time of a clock that somebody has set."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            """Return the wrong time."""
            wrong = float(file.read_text("ascii")) if file.exists() else 0.0
            return super().now(tz) + timedelta(seconds=wrong)

    setattr(clock, "datetime", Wrong)  # noqa: B010 - mypy knows that it is not exported
    sa.event.listen(sa.Pool, "checkout", lambda connection, *_: _limit(connection, folder))


def _limit(connection: Any, folder: Path) -> None:
    """Let a connection to SQLite use no further page, or all of them."""
    if "sqlite" in type(connection).__module__:
        pages = 1 if full_file(folder).exists() else _ALL_PAGES  # 1 means no more than there are
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.close()
