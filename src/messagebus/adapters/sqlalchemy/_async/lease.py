"""The lease: the right of one relay to send, and the transactions that it fences."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .._compat.aio import AsyncConnection, AsyncEngine, connected
from .._failures import log
from ..clock import idle_limit, now
from ..delivery import LeaseLostError
from ..engine import READ_ONLY
from ..tables import PENDING, RELAY, OutboxTables, in_state
from .sign_of_life import AsyncSignOfLife

_LEAST_PATIENCE = 1.0  # seconds


class AsyncLease:
    """A row that names the relay that may send, until when, and under which token.

    Each *transaction* of the holder ends with a fence: a statement that renews the lease under the
    token. If another relay has taken over, the token is no longer valid, and everything the
    transaction wrote is rolled back.

    Args:
        engine: connects to the database.
        tables: the outbox.
        holder: describes this relay to people.
        duration: how long the lease lasts without being renewed.

    Attributes:
        engine: connects to the database.
        reading: connects to the database for transactions that only read.
        tables: the outbox.
        sign_of_life: shows the other relays that the process of this one lives.
        patience: how long the database may take for a transaction, in seconds.
        limit: a condition for every statement that may be the first of a transaction.
    """

    def __init__(
        self, engine: AsyncEngine, tables: OutboxTables, holder: str, duration: timedelta
    ) -> None:
        self.engine = engine
        self.reading = engine.execution_options(**READ_ONLY)
        self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.tables = tables
        self._holder = holder
        self._seconds = duration.total_seconds()
        self.patience = max(self._seconds / 3, _LEAST_PATIENCE)
        self._end = now(engine.dialect, duration)
        self.limit = idle_limit(engine.dialect, duration)
        self.sign_of_life = AsyncSignOfLife(
            engine, tables, holder, self._seconds / 3, self.patience
        )
        is_alive = self.sign_of_life.column().label("is_alive")
        found = sa.select(tables.lease, now(engine.dialect).label("now"), is_alive)
        self._query = found.where(tables.lease.c.name == RELAY, self.limit)
        self._token: int | None = None
        self._renewed = 0.0
        self._seen: tuple[Any, ...] | None = None
        self._forsaken_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the lease cannot have expired, so that no other relay can hold it."""
        return self._token is not None and monotonic() - self._renewed < self._seconds

    async def acquire(self) -> bool:
        """Acquire the lease if it is free or held already; return whether it is held now.

        It is free when it has expired, by the clock of the database or by that of this process,
        or as soon as the process of its holder has ended.
        """
        if self._token is not None:
            await self.sign_of_life.give()
            return True
        # Most looks find the lease taken, and one that only reads waits for no writer on SQLite.
        async with self.look() as connection:
            row = (await connection.execute(self._query)).one_or_none()
        is_free = row is None or row.expires_at <= row.now or self._is_forsaken(row)
        if row is not None and not (is_free or await self.sign_of_life.is_over(row)):
            return False
        # Who cannot show that it lives must not depose others for the lack of such a sign.
        if not (await self.sign_of_life.give() or is_free):
            return False
        try:
            async with self._begin() as connection:
                begun = monotonic()
                token = await self._take(connection, row)
        except IntegrityError:  # another relay inserts the row as well
            token = None
        if token is None:
            self.sign_of_life.withdraw()
            return False
        self._token, self._renewed = token, begun
        details = {"event": "relay.leading", "holder": self._holder}
        log.info("leading, with token %d", self._token, extra=details)
        return True

    @asynccontextmanager
    async def look(self) -> AsyncGenerator[AsyncConnection]:
        """Connect to read, for which the database may take no longer than its time."""
        async with connected(self.reading, self.patience) as connection:
            yield connection
            await connection.commit()  # psycopg prepares all statements anew after a rollback

    async def renew(self) -> None:
        """Renew the lease once a third of its time has passed.

        Raises:
            LeaseLostError: another relay holds the lease.
        """
        if monotonic() - self._renewed > self._seconds / 3:
            async with self.transaction(self.hold()):
                pass

    async def release(self) -> None:
        """Let another relay acquire the lease at once. A batch in flight stays noted.

        Raises:
            LeaseLostError: another relay holds the lease already.
        """
        if self._token is not None:
            end = self.hold(expires_at=now(self.engine.dialect), listening=False)
            async with self.transaction(end):
                pass

    def forget(self) -> None:
        """Forget the token: this relay no longer holds the lease."""
        self._token = None
        self.sign_of_life.withdraw()

    @asynccontextmanager
    async def transaction(
        self, fence: sa.Update
    ) -> AsyncGenerator[tuple[AsyncConnection, dict[str, Any]]]:
        """Open a transaction of the holder, whose last step is the fence.

        Args:
            fence: a statement of *hold*.

        Yields:
            The connection, and the parameters of the fence.

        Raises:
            LeaseLostError: another relay holds the lease; the transaction is rolled back.
        """
        parameters: dict[str, Any] = {"held": self._token}
        async with self._begin() as connection:
            yield connection, parameters
            # Not earlier: on SQLite, the transaction may have waited long for the write lock.
            begun = monotonic()
            if (await connection.execute(fence, parameters)).rowcount == 0:
                self.forget()
                raise LeaseLostError
        self._renewed = begun

    async def claim(
        self, statement: sa.Select[Any], parameters: dict[str, Any]
    ) -> Sequence[sa.Row[Any]]:
        """Execute a statement that contains its fence, as a transaction of its own.

        It takes one round trip to the server, where *transaction* takes one for each step.

        Args:
            statement: returns nothing if the fence changes nothing.
            parameters: its parameters.

        Returns:
            The rows; none if there are none, or if another relay holds the lease.
        """
        async with connected(self._at_once, self.patience) as connection:
            begun = monotonic()
            found = await connection.execute(statement, {"held": self._token, **parameters})
            rows: Sequence[sa.Row[Any]] = found.all()
        if rows:
            self._renewed = begun
        return rows

    def hold(self, **values: Any) -> sa.Update:
        """Return a statement that renews the lease if its token is still valid."""
        lease = self.tables.lease
        is_held = sa.and_(lease.c.name == RELAY, lease.c.token == sa.bindparam("held"))
        values = {"expires_at": self._end, **values}
        return sa.update(lease).where(is_held, self.limit).values(**values)

    @asynccontextmanager
    async def _begin(self) -> AsyncGenerator[AsyncConnection]:
        """Begin a transaction, whatever the isolation level of the engine is.

        The database may take no longer than its time for it.
        """
        async with connected(self.engine, self.patience) as connection:
            if connection.dialect.name == "postgresql":
                # The fence needs no more. Any stricter level would fail while writers are busy.
                connection = await connection.execution_options(isolation_level="READ COMMITTED")
            async with connection.begin():
                yield connection

    def _is_forsaken(self, row: sa.Row[Any]) -> bool:
        """Return whether a lease has not been renewed for its time, whatever the clock says."""
        seen = (row.token, row.expires_at)
        if seen != self._seen:
            # Another relay may have a longer lease; a clock that was set back shows as one, too.
            left = (row.expires_at - row.now).total_seconds()
            patience = min(max(left, self._seconds), 3 * self._seconds)
            self._seen, self._forsaken_at = seen, monotonic() + patience
        return monotonic() > self._forsaken_at

    async def _take(self, connection: AsyncConnection, row: sa.Row[Any] | None) -> int | None:
        """Return the token of this relay; None if the lease is no longer as it was seen."""
        lease = self.tables.lease
        values = {
            "holder": self._holder,
            "expires_at": self._end,
            "listening": False,
            "sending_from": None,
            "sending_to": None,
        }
        if row is None:
            await connection.execute(sa.insert(lease).values(name=RELAY, token=1, **values))
            return 1
        token = int(row.token) + 1
        is_unchanged = sa.and_(lease.c.token == row.token, lease.c.expires_at == row.expires_at)
        take = sa.update(lease).where(lease.c.name == RELAY, is_unchanged, self.limit)
        if (await connection.execute(take.values(token=token, **values))).rowcount == 0:
            return None
        if row.sending_from is not None:
            await self._count_lost_attempt(connection, row)
        return token

    async def _count_lost_attempt(self, connection: AsyncConnection, lease: sa.Row[Any]) -> None:
        """Count an attempt for each message of a batch whose outcome was never recorded."""
        messages = self.tables.messages
        in_flight = messages.c.position.between(lease.sending_from, lease.sending_to)
        reason = f"the relay {lease.holder} ended while it was sending, or lost its lease"
        await connection.execute(
            sa.update(messages)
            .where(in_state(messages, PENDING), in_flight)
            .values(attempts=messages.c.attempts + 1, reason=reason)
        )
