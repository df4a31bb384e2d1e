"""What handlers may ask for, on the bus and beside it.

What has no implementation here is given one by whoever runs the program, with *override*.
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
    """What can be chosen.

    Attributes:
        site: where users register.
        reserved_names: the names that nobody may have, in lower case.
    """

    site: str = "example.org"
    reserved_names: frozenset[str] = field(default=frozenset({"admin", "root"}))


class Mailer(Protocol):
    """Sends letters."""

    def send(self, notification: Notification) -> None:
        """Send one letter."""


def get_settings() -> Settings:
    """Give the settings."""
    return Settings()


def get_mailer() -> Mailer:
    """Give what sends letters."""
    raise NotImplementedError


def get_board() -> list[Notification]:
    """Give the board of the staff."""
    raise NotImplementedError


def get_connection() -> sqlite3.Connection:
    """Give the connection to the database, the same for all who take part in a transaction."""
    raise NotImplementedError


def get_cursor(
    connection: sqlite3.Connection = Depends(get_connection),
) -> Iterator[sqlite3.Cursor]:
    """Give a cursor of the connection, for one call."""
    with closing(connection.cursor()) as cursor:
        yield cursor


def get_unit_of_work(connection: sqlite3.Connection = Depends(get_connection)) -> UnitOfWork:
    """Give a unit of work on the connection."""
    return UnitOfWork(connection)
