"""Where the tests keep books: a table, and a class that SQLAlchemy maps to it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of what is mapped."""


class BookRow(Base):
    """A book as it is stored; a title is there once."""

    __tablename__ = "books"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)


books = sa.table("books", sa.column("id", sa.String), sa.column("title", sa.String))
"""The same table, for those who write statements."""
