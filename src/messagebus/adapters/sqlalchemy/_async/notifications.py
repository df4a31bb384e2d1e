"""Notifications of commits, where the database sends them."""

from __future__ import annotations

from operator import attrgetter
from time import monotonic
from typing import Any

from sqlalchemy.exc import DBAPIError

from ....retry import Backoff
from .._compat.aio import AsyncConnection, AsyncEngine, AsyncWakeUp, call
from .._failures import log
from ..tables import OutboxTables

# A wait for the database does not see wake-ups; this is how often it looks for one.
_SLICE = 0.25  # seconds


class AsyncNotifications:
    """Waits until there may be a message to send.

    On PostgreSQL with psycopg it listens for NOTIFY on a connection of its own. Elsewhere, and
    while that connection is broken, only a wake-up or the next poll ends the wait.

    Args:
        engine: connects to the database.
        tables: the outbox, whose commits notify.
        wake_up: ends the wait as well.
        longest: the longest wait, in seconds.
    """

    def __init__(
        self, engine: AsyncEngine, tables: OutboxTables, wake_up: AsyncWakeUp, longest: float
    ) -> None:
        self._engine = engine
        self._channel = tables.channel_for(engine.get_execution_options())
        self._wake_up = wake_up
        # A commit that falls between the relay's last look and its LISTEN sends no notification,
        # so the relay polls soon after going idle, then less and less often.
        self.polls = Backoff(first=0.02, longest=longest, jitter=0.0)
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._possible = engine.dialect.name == "postgresql"

    async def wait(self, polls: int) -> None:
        """Wait for a notification, a wake-up, or the next poll after so many *polls*."""
        seconds = self.polls.delay(polls)
        if self._driver is None:
            await self._wake_up.wait(seconds)
            return
        end = monotonic() + seconds
        try:
            notified = False
            while not (notified or await self._wake_up.wait(0)) and (left := end - monotonic()) > 0:
                notifies = self._driver.notifies(timeout=min(left, _SLICE), stop_after=1)
                async for _notification in notifies:
                    notified = True
        except Exception as error:  # noqa: BLE001
            # An error of the driver; the next *listen* shows whether the database is there.
            log.warning("no longer listening: %s", error, extra={"event": "relay.deaf"})
            await self.close()

    async def listen(self) -> None:
        """Start to listen, unless this is done or not possible."""
        if not self._possible or self._driver is not None:
            return
        connection = await self._engine.connect()
        try:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            quoted = connection.dialect.identifier_preparer.quote(self._channel)
            await connection.exec_driver_sql(f"LISTEN {quoted}")
            driver = await call(connection, attrgetter("connection.driver_connection"))
        except DBAPIError:
            await connection.close()
            raise
        self._connection, self._driver = connection, driver
        self._possible = hasattr(driver, "notifies")
        if not self._possible:
            log.warning(
                "the driver %s cannot listen for notifications: polling",
                connection.dialect.driver,
                extra={"event": "relay.polling"},
            )
            await self.close()

    async def close(self) -> None:
        """Stop listening, and discard the connection, which would go on listening in the pool."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()
