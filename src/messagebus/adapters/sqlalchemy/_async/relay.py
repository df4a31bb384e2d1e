"""The relay: sends the published messages of committed transactions."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from ...._compat.aio import adapt, ensure_own_colour
from ...._compat.waits.aio import AsyncWakeUp
from ....exceptions import ConfigurationError
from ....retry import Backoff
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ....service._async.middleware import AsyncSendCall
from ....typing import AsyncMiddleware
from .._compat.aio import AsyncEngine
from .._failures import DATABASE, DATABASE_ERRORS, Failures, log
from .._relay_options import ensure_relay_options, ensure_retention_options
from .._relay_state import State
from ..delivery import LeaseLostError
from ..engine import ensure_transactional
from ..errors import add_advice
from ..status import RelayStatus
from ..tables import OutboxTables, default_tables
from .batches import AsyncBatches
from .lease import AsyncLease
from .notifications import AsyncNotifications
from .outbox import AsyncOutbox
from .retention import AsyncRetention
from .standby import AsyncStandby
from .steps import AsyncRelaySteps


class AsyncOutboxRelay(AsyncRelaySteps):
    """Send the published messages of committed transactions to a transport, in order.

    Any number of relays may run on one database: one leads, and another takes over when the lease
    of the leader expires. Each message is sent at least once. At most, the messages of the batch in
    flight when a relay dies or loses its lease are sent twice; receivers recognize them by their
    identifiers.

    Args:
        engine: connects to the database; for SQLite it must be prepared.
        transport: sends the messages.
        tables: the outbox.
        batch_size: the most messages in a batch.
        poll_interval: the longest wait before looking for messages again, in seconds, if nothing
            wakes the relay earlier.
        lease: seconds without a heartbeat after which another relay takes over; must exceed the
            time one batch takes.
        max_attempts: the most attempts to send a message on which the transport fails. A message
            that it rejects, with a *MessageRejectedError*, is tried once.
        backoff: the waits between the attempts.
        reconnect: the waits while the broker or the database is down; these count no attempt.
        on_poison: what to do with a message that cannot be sent: ``park`` it and go on, or
            ``stop``.
        retention: how long sent messages are kept; for ever by default.
        retention_batch: the most messages to delete at once.
        retention_interval: the wait once nothing is left to delete, in seconds.

    Raises:
        ConfigurationError: the engine is in AUTOCOMMIT, or for SQLite and not prepared, or an
            option is wrong.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        transport: AsyncAbstractEventstreamTransport,
        *,
        tables: OutboxTables = default_tables,
        batch_size: int = 500,
        poll_interval: float = 1.0,
        lease: float = 15.0,
        max_attempts: int = 8,
        backoff: Backoff = Backoff(),  # noqa: B008
        reconnect: Backoff = Backoff(longest=5.0),  # noqa: B008
        on_poison: Literal["park", "stop"] = "park",
        retention: timedelta | None = None,
        retention_batch: int = 1_000,
        retention_interval: float = 60.0,
    ) -> None:
        ensure_transactional(engine)
        ensure_relay_options(batch_size, max_attempts, poll_interval, lease, on_poison)
        ensure_retention_options(retention, retention_batch, retention_interval)
        adapt(transport.send_messages_serialized)  # refuses one of the other colour
        self.engine: AsyncEngine = engine
        self.transport: AsyncAbstractEventstreamTransport = transport
        self.poll_interval: float = poll_interval
        self.lease: float = lease
        self.holder: str = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        """The name of this relay in the lease."""
        self.outbox: AsyncOutbox = AsyncOutbox(engine, tables=tables)
        """The messages that wait to be sent or could not be sent."""
        self._lease = AsyncLease(engine, tables, self.holder, timedelta(seconds=lease))
        self._batches = AsyncBatches(
            self._lease, batch_size, max_attempts, backoff, park=on_poison == "park"
        )
        self._wake_up = AsyncWakeUp()
        longest = self._longest_wait = min(poll_interval, lease / 3)
        self._notifications = AsyncNotifications(engine, tables, self._wake_up, longest)
        self._retention = AsyncRetention(
            AsyncOutbox(self._lease.engine, tables=tables),
            retention,
            retention_batch,
            retention_interval,
            self._lease.patience,
        )
        self._failures = Failures(reconnect)
        self._polls = 0
        self._connected = False
        self._sent = 0
        self._state = State.STOPPED
        # Not a state: *stop* may interrupt a transition, in a signal handler or another thread.
        self._told_to_stop = False

    def add_middleware(self, middleware: AsyncMiddleware[AsyncSendCall]) -> None:
        """Add what is done around the sending of each batch, inside of what was added before.

        An error that it raises counts as a failure of the transport.

        Args:
            middleware: accepts the call and *call_next*, which sends the batch.

        Raises:
            ConfigurationError: the middleware belongs to the other colour.
        """
        ensure_own_colour(middleware)
        self._batches.add_middleware(middleware)

    async def run(self) -> None:
        """Connect the transport, send pending messages, and wait for more, until *stop* is called.

        The batch in flight is sent before this returns. Outages and missing tables are waited for.

        Raises:
            TransportRefusedError: the broker refuses the transport when the relay starts. If it
                does so later, that is an outage.
            UndeliverableMessageError: a message cannot be sent, and *on_poison* is ``stop``.
            ConfigurationError: the relay runs already, or the tables are of another version.
            sqlalchemy.exc.SQLAlchemyError: the database has refused the relay from its start.
        """
        async with self._running():
            while not self._told_to_stop:
                before = self._state
                try:
                    await self._step()
                    has_worked = self._state is before and not self._conflicts
                    if has_worked and self._failures.failing == DATABASE:
                        self._failures.recovered()
                except Exception as error:  # noqa: BLE001 - raised again unless it passes
                    self._move(State.CONNECTING)
                    await self._rest(self._failures.of_database(error))

    async def drain(self) -> int:
        """Send all pending messages, or wait until another relay that leads has sent them.

        This waits as long as the leader makes progress, and takes over when its lease expires.

        Returns:
            The number of messages that this relay has sent.

        Raises:
            BacklogStalledError: another relay leads, and has sent nothing for twice the time
                of a lease.
            UndeliverableMessageError: a message cannot be sent, and *on_poison* is ``stop``.
            MissingTableError: the tables do not exist.
            ConfigurationError: the relay runs already.
            ConnectionError: the broker cannot be reached; a *TransportUnavailableError* is
                one. A transport may raise a TimeoutError instead.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        before = self._sent
        standby = AsyncStandby(self.outbox, patience=2 * self.lease)
        async with self._running():
            while not self._told_to_stop and self._state is not State.IDLE:
                standing_by = self._state is State.STANDBY
                try:
                    await self._step(patient=False)
                except SQLAlchemyError as error:
                    add_advice(error)
                    raise
                if standing_by and self._state is State.STANDBY and await standby.is_done():
                    break
        return self._sent - before

    def stop(self) -> None:
        """Let *run* or *drain* finish the batch in flight and return; call it from any thread.

        If neither is running, the next one returns at once.
        """
        self._told_to_stop = True
        self._wake_up.wake()

    def wake(self) -> None:
        """Report that there is a message to send, so that polling need not find it."""
        self._wake_up.wake()

    async def status(self) -> RelayStatus:
        """Return the state of this relay and the backlog.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        return RelayStatus(
            running=self._state is not State.STOPPED,
            leading=self._lease.is_fresh,
            leader=await self.outbox.leader(),
            outages=self._failures.outages,
            last_error=self._failures.last_error,
            backlog=await self.outbox.backlog(),
            sent=self._sent,
            retention_error=self._retention.problem,
        )

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        """Enter the relay, and release the lease at the end so that another one takes over."""
        if self._state is not State.STOPPED:
            text = "The relay is running already; stop it first, or create another one"
            raise ConfigurationError(text)
        self._move(State.CONNECTING)
        self._connected = False
        try:
            yield
        finally:
            self._move(State.STOPPING)
            try:
                await self._batches.settle()
                await self._lease.release()
            except (LeaseLostError, *DATABASE_ERRORS) as error:
                # The lease expires by itself. Sent messages that could not be marked are resent.
                log.warning("lease not released: %s", error, extra={"event": "relay.left"})
            finally:
                self._batches.forget()
                self._lease.forget()
                self._told_to_stop = False
                self._move(State.STOPPED)
                await self._notifications.close()
                await self._lease.sign_of_life.close()
