"""The types of columns that databases spell in different ways."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite


class _UtcText(sqlite.DATETIME):
    """A point in time as SQLite stores it: a text in UTC, with the offset."""

    # Alembic writes a migration from the module and the repr: one that needs no import of ours, and
    # that type checkers accept, which they do not where SQLAlchemy's own DATETIME is called.
    __module__ = "sqlalchemy.types"

    def __init__(self) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            storage_format="%(year)04d-%(month)02d-%(day)02d "
            "%(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06d+00:00"
        )

    def __repr__(self) -> str:
        return "DateTime()"


POSITION = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""The type of a position, which grows with each row."""
TIME = sa.DateTime(timezone=True).with_variant(_UtcText(), "sqlite")
"""The type of a point in time; values must be in UTC."""
