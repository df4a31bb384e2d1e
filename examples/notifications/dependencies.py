"""The dependencies of handlers, on the bus and in the facade.

Those that raise NotImplementedError get their implementation from ``bootstrap``, by *override*.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from messagebus import Depends

from .messages import Notification
from .unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the program.

    Attributes:
        site: name of the site.
        reserved_names: names that users may not have, in lower case.
    """

    site: str = "example.org"
    reserved_names: frozenset[str] = field(default=frozenset({"admin", "root"}))


class Mailer(Protocol):
    """Sends letters."""

    def send(self, notification: Notification) -> None:
        """Send one letter."""


def get_settings() -> Settings:
    """Return the settings."""
    return Settings()


def get_mailer() -> Mailer:
    """Return the mailer."""
    raise NotImplementedError


def get_board() -> list[Notification]:
    """Return the board of the staff."""
    raise NotImplementedError


def get_connection() -> sqlite3.Connection:
    """Return the database connection that everything in a transaction shares."""
    raise NotImplementedError


def get_cursor(
    connection: sqlite3.Connection = Depends(get_connection),
) -> Iterator[sqlite3.Cursor]:
    """Yield a cursor for one call."""
    with closing(connection.cursor()) as cursor:
        yield cursor


def get_unit_of_work(connection: sqlite3.Connection = Depends(get_connection)) -> UnitOfWork:
    """Return a unit of work on the connection."""
    return UnitOfWork(connection)
