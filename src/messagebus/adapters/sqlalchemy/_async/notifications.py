"""Hearing of a commit at once, where the database tells of it."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from sqlalchemy.exc import DBAPIError

from .._compat.aio import AsyncBell, AsyncConnection, AsyncEngine, driver_connection

log = logging.getLogger("messagebus.relay")

# What waits for the database does not hear the bell meanwhile: it looks after it so often.
_SLICE = 0.25


class AsyncNotifications:
    """Waits until there may be something to send, or somebody rings.

    On PostgreSQL with psycopg it listens for NOTIFY, on a connection of its own. Elsewhere,
    and as long as that connection is broken, only the bell and the clock end the wait.

    Args:
        engine: connects to the database.
        channel: the channel to listen to.
        bell: ends the wait as well.
    """

    def __init__(self, engine: AsyncEngine, channel: str, bell: AsyncBell) -> None:
        self._engine = engine
        self._channel = channel
        self._bell = bell
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._possible = engine.dialect.name == "postgresql"

    async def wait(self, seconds: float) -> None:
        """Wait for a notification or the bell, but no longer than so many seconds."""
        if self._driver is None:
            await self._bell.wait(seconds)
            return
        end = monotonic() + seconds
        try:
            notified = False
            while not notified and not self._bell.heard() and (left := end - monotonic()) > 0:
                notifies = self._driver.notifies(timeout=min(left, _SLICE), stop_after=1)
                async for _notification in notifies:
                    notified = True
        except Exception as error:  # noqa: BLE001
            # The driver's own errors; the next listen tells whether the database is there.
            log.warning("no longer listening: %s", error, extra={"event": "relay.deaf"})
            await self.close()

    async def listen(self) -> None:
        """Begin to listen, unless it is done already or not possible."""
        if not self._possible or self._driver is not None:
            return
        connection = await self._engine.connect()
        try:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            quoted = connection.dialect.identifier_preparer.quote(self._channel)
            await connection.exec_driver_sql(f"LISTEN {quoted}")
            driver = await driver_connection(connection)
        except DBAPIError:
            await connection.close()
            raise
        self._connection = connection
        self._possible = hasattr(driver, "notifies")
        if self._possible:
            self._driver = driver
        else:
            log.warning(
                "the driver %s can not be listened to: polling",
                connection.dialect.driver,
                extra={"event": "relay.polling"},
            )
            await self.close()

    async def close(self) -> None:
        """End listening; nothing is left of it on the connection that goes back."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()
