"""Ends a connection whose server does not answer, so that the wait for it ends as well."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Generator
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError
from sqlalchemy.pool import PoolProxiedConnection


class HangUp:
    """Hangs up a connection when it is called, from any thread.

    A server that is frozen, or a network that drops packets, is silent for as long as it likes;
    drivers wait for it. Once the socket is shut down, they see the end of the connection.

    Args:
        dialect: the dialect of the connection. Only that of a server has something to hang up.
        driver: the connection of the driver; None if there is none yet.

    Attributes:
        done: whether the connection was hung up.
    """

    def __init__(self, dialect: Dialect, driver: Any) -> None:
        self.done = False
        self._can_be_silent = dialect.name == "postgresql"
        self.take(driver)

    def take(self, driver: Any) -> None:
        """Hang up this connection from now on."""
        self._driver: Any = driver if self._can_be_silent else None

    def __bool__(self) -> bool:
        """Return whether there is something to hang up."""
        return self._driver is not None

    def __call__(self) -> None:
        """Hang up."""
        self.done = True
        driver = self._driver
        if hasattr(driver, "terminate"):  # asyncpg
            driver.terminate()
            return
        with contextlib.suppress(Exception), _copy_of(driver.fileno()) as copy:  # or closed already
            copy.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def explaining(self, seconds: float) -> Generator[None]:
        """Say of an error that hanging up has caused that the database did not answer.

        Args:
            seconds: how long it had to answer.

        Raises:
            sqlalchemy.exc.TimeoutError: the connection was hung up; no broker raises this error.
        """
        try:
            yield
        except Exception as error:
            if self.done:
                text = f"the database has not answered for {seconds:.1f} s"
                raise DatabaseTimeoutError(text) from error
            raise


def driver_of(dialect: Dialect, connection: PoolProxiedConnection) -> Any:
    """Return the connection of the driver, also of one that is detached from its pool."""
    opened: Any = connection.dbapi_connection  # None only once it is closed
    return dialect.get_driver_connection(opened)


def _copy_of(descriptor: int) -> socket.socket:
    """Return a socket whose end leaves the descriptor of the driver open."""
    return socket.socket(fileno=os.dup(descriptor))
