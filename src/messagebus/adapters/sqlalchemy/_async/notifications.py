"""Notifications of commits, where the database sends them."""

from __future__ import annotations

from operator import attrgetter
from time import monotonic
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ...._compat.waits.aio import AsyncWakeUp
from ...._error_text import brief
from ....retry import Backoff
from .._compat.aio import AsyncConnection, AsyncEngine, apart, call, connected, opened, within
from .._failures import log
from ..tables import OutboxTables

# A wait for the database does not see wake-ups; this is how often it looks for one.
_SLICE = 0.25  # seconds


class AsyncNotifications:
    """Waits until there may be a message to send.

    On PostgreSQL with psycopg it listens for NOTIFY, on a connection of its own outside of the
    pool. Elsewhere, and while that connection is broken, only a wake-up or the next poll ends the
    wait.

    Args:
        engine: connects to the database.
        tables: the outbox, whose commits notify.
        wake_up: ends the wait as well.
        longest: the longest wait, in seconds.

    Attributes:
        polls: the waits between polls.
        retries: the pauses after which it listens again.
        test_every: how often it tests whether it hears, in seconds.
        patience: how long it waits to hear the test, in seconds.
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
        self.retries = Backoff(first=0.5, longest=60.0)
        self.test_every = 15.0
        self.patience = 5.0
        self._test = uuid4().hex
        self._possible = engine.dialect.name == "postgresql"
        self._own: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._failures = 0
        self._next_attempt = 0.0
        self._begun = 0.0
        self._heard = 0.0
        self._asked: float | None = None

    async def wait(self, polls: int) -> bool:
        """Wait for a notification, a wake-up, or the next poll after so many *polls*.

        Returns:
            Whether there was a notification or a wake-up.
        """
        seconds = self.polls.delay(polls)
        if self._driver is None:
            return await self._wake_up.wait(seconds)
        end = monotonic() + seconds
        notified = False
        try:
            while not notified and (left := end - monotonic()) > 0:
                if await self._wake_up.wait(0):
                    return True
                await self._ask()
                notifies = self._driver.notifies(timeout=min(left, _SLICE), stop_after=1)
                async for notification in notifies:
                    notified = self._hear(notification.payload) or notified
        except Exception as error:  # noqa: BLE001
            # An error of the driver; the next statement shows whether the database is there.
            await self._fail(error)
        return notified

    async def listen(self) -> None:
        """Start to listen, unless this is done, not possible, or has just failed."""
        if self._driver is not None or not self._possible or monotonic() < self._next_attempt:
            return
        if (driver := self._engine.dialect.driver) != "psycopg":
            self._possible = False
            text = "the driver %s cannot listen for notifications: polling"
            log.warning(text, driver, extra={"event": "relay.polling"})
            return
        try:
            # The pool may have no room: it is there for those who give connections back.
            self._own = apart(self._engine)
            self._connection = await opened(self._own, self.patience)
            connection = await self._connection.execution_options(isolation_level="AUTOCOMMIT")
            quoted = connection.dialect.identifier_preparer.quote(self._channel)
            async with within(connection, self.patience):
                await connection.exec_driver_sql(f"LISTEN {quoted}")
            self._driver = await call(connection, attrgetter("connection.driver_connection"))
        except Exception as error:  # noqa: BLE001
            # The server may have no room for one more connection: this is no outage.
            await self._fail(error)
        self._begun, self._heard, self._asked = monotonic(), 0.0, None

    async def close(self) -> None:
        """Stop listening."""
        connection, self._connection, self._driver = self._connection, None, None
        own, self._own = self._own, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()
        if own is not None:
            await own.dispose()

    async def _ask(self) -> None:
        """Test now and then whether a notification is heard, and miss it if it is not.

        A connection that a firewall has forgotten, or whose other end is a pooler, is as silent as
        one for which nothing is sent.

        Raises:
            TimeoutError: the test was not heard in time.
        """
        present = monotonic()
        if self._asked is not None:
            if present - self._asked > self.patience:
                text = (
                    f"no notification was heard for {self.patience:.1f} s; a pooler in transaction "
                    f"mode passes none on, so connect to the server itself"
                )
                raise TimeoutError(text)
        elif present - self._heard > self.test_every:
            test = sa.select(sa.func.pg_notify(self._channel, self._test))
            async with connected(self._engine, self.patience) as connection, connection.begin():
                await connection.execute(test)
            self._asked = present

    def _hear(self, payload: str) -> bool:
        """Note that a notification was heard; return whether it was of a commit."""
        self._heard, self._asked = monotonic(), None
        # One that is lost again and again, as soon as it is there, is begun ever more rarely.
        if self._failures and self._heard - self._begun > self.retries.longest:
            self._failures = 0
        return payload != self._test

    async def _fail(self, error: Exception) -> None:
        self._failures += 1
        pause = self.retries.delay(self._failures)
        self._next_attempt = monotonic() + pause
        text = "not listening for notifications, next attempt in %.1f s: %s"
        log.warning(text, pause, brief(error), extra={"event": "relay.deaf"})
        await self.close()
