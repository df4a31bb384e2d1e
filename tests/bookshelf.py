"""The table of the tests' application, and a class that SQLAlchemy maps to it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base class of mapped classes."""


class BookRow(Base):
    """A stored book; titles are unique."""

    __tablename__ = "books"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)


books = sa.table("books", sa.column("id", sa.String), sa.column("title", sa.String))
"""The same table, for Core statements."""
