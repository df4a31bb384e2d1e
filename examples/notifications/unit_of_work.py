"""The unit of work: users in a SQLite database."""

from __future__ import annotations

import sqlite3

from typing_extensions import override

from messagebus import SyncAbstractRepository, SyncAbstractUnitOfWork

from .errors import EmailTakenError, UnknownUserError
from .model import User

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
CREATE TABLE history (event TEXT NOT NULL, user_id INTEGER NOT NULL, name TEXT NOT NULL);
"""


class Users(SyncAbstractRepository[User]):
    """The repository of users.

    Args:
        connection: the database.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def register(self, name: str, email: str) -> User:
        """Insert a new user.

        Raises:
            EmailTakenError: another user has this email address.
        """
        try:
            row = self._connection.execute(
                "INSERT INTO users (name, email) VALUES (?, ?) RETURNING id", (name, email)
            ).fetchone()
        except sqlite3.IntegrityError as error:
            raise EmailTakenError(email) from error
        user = User(id=row[0], name=name, email=email)
        user.register()
        self.seen.append(user)
        return user

    def get(self, user_id: int) -> User:
        """Return the user with this id.

        Raises:
            UnknownUserError: no user has it.
        """
        row = self._connection.execute(
            "SELECT name, email FROM users WHERE id = ?", (user_id,)
        ).fetchone()
        if row is None:
            raise UnknownUserError(user_id)
        user = User(id=user_id, name=row[0], email=row[1])
        self.seen.append(user)
        return user

    def save(self, user: User) -> None:
        """Write the changes of a user."""
        self._connection.execute("UPDATE users SET name = ? WHERE id = ?", (user.name, user.id))


class UnitOfWork(SyncAbstractUnitOfWork[Users]):
    """A transaction of the database, with the users in it.

    Args:
        connection: the database.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.users = Users(connection)
        self._connection = connection

    @override
    def commit(self) -> None:
        self._connection.commit()

    @override
    def rollback(self) -> None:
        self._connection.rollback()
