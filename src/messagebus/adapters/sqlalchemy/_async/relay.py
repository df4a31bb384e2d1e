"""The relay: sends what transactions have left to be sent."""

from __future__ import annotations

import logging
import os
import socket
from datetime import timedelta
from time import monotonic
from typing import Literal
from uuid import uuid4

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ....exceptions import ConfigurationError, UndeliverableMessageError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from .._compat.aio import AsyncBell, AsyncEngine, blocking_engine, run
from .._failures import BROKER, DATABASE, Health
from .._relay_queries import Claims, LeaseLostError
from .._rows import serialized
from ..delivery import Backoff, Batch, Outcome
from ..engine import READ_ONLY, ensure_prepared
from ..status import RelayStatus
from ..tables import OutboxTables
from ..tables import tables as default_tables
from .lease import AsyncLease
from .notifications import AsyncNotifications
from .outbox import AsyncOutbox
from .retention import AsyncRetention
from .standby import AsyncStandby

log = logging.getLogger("messagebus.relay")

# What a database that is restarted, full or locked raises, and may not raise a moment later.
_DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError, PoolTimeoutError)


class AsyncOutboxRelay:
    """Send the published messages of committed transactions to a transport, in their order.

    Any number of relays may run on one database: one leads, the others take over when its
    lease ends. Each message is sent at least once. Sent twice are, at most, those of the
    batch that was in flight when a relay was killed or lost its lease: receivers recognize
    them by their id.

    Args:
        engine: connects to the database, which for SQLite is prepared.
        transport: sends the messages.
        tables: the outbox.
        batch_size: how many messages are sent at once.
        poll_interval: how long to wait until looking again for something to send, in seconds,
            if nothing tells of it before.
        lease: how long others wait until they take over from a relay that has stopped to
            answer, in seconds. It has to be longer than a batch takes.
        max_attempts: how often a message is tried that the transport fails on. One that it
            rejects, by a *MessageRejectedError*, is tried once.
        backoff: how long to wait between the attempts.
        reconnect: how long to wait while the broker or the database can not be reached, which
            counts as no attempt.
        on_poison: what to do with a message that can not be sent: ``park`` it and go on, or
            ``stop``.
        retention: how long sent messages are kept; for ever by default.
        retention_batch: how many are deleted at once.
        retention_interval: how long to wait until looking again for what to delete, in
            seconds.

    Raises:
        ConfigurationError: the engine is for SQLite and not prepared, or a number makes no
            sense.
    """

    # A transaction that writes before the relay says that it sleeps, and commits after it has
    # looked, notifies nobody: the relay looks again soon, then ever more rarely.
    _first_nap = 0.02  # seconds

    def __init__(
        self,
        engine: AsyncEngine,
        transport: AsyncAbstractEventstreamTransport,
        *,
        tables: OutboxTables = default_tables,
        batch_size: int = 100,
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
        ensure_prepared(blocking_engine(engine))
        if min(batch_size, max_attempts, retention_batch) < 1 or min(poll_interval, lease) <= 0:
            text = "batch sizes, attempts and times of a relay have to be greater than zero"
            raise ConfigurationError(text)
        if on_poison not in {"park", "stop"}:
            text = f"on_poison is 'park' or 'stop', not {on_poison!r}"
            raise ConfigurationError(text)
        self.engine = engine
        self.transport = transport
        self.poll_interval = poll_interval
        self.lease = lease
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        """Who this relay is, as the lease tells."""
        self.outbox = AsyncOutbox(engine, tables=tables)
        """What there is to send, and what could not be sent."""
        self._claims = Claims(
            tables,
            holder=self.holder,
            lease=lease,
            batch_size=batch_size,
            max_attempts=max_attempts,
            backoff=backoff,
            park=on_poison == "park",
        )
        self._reading = engine.execution_options(**READ_ONLY)
        self._lease = AsyncLease(engine, self._claims)
        self._bell = AsyncBell()
        self._notifications = AsyncNotifications(engine, tables.channel, self._bell)
        self._running = False
        self._stopping = False
        self._checked = False
        self._quiet = False
        self._nap = self._first_nap
        self._outcome: Outcome | None = None
        self._sent = 0
        self._health = Health(reconnect)
        self._retention = AsyncRetention(
            self.outbox, retention, retention_batch, retention_interval
        )

    async def run(self) -> None:
        """Send what is pending, and what becomes so, until *stop* is called.

        What it holds is sent before it leaves. As long as the database or the broker can not
        be reached, it tries again.

        Raises:
            UndeliverableMessageError: a message can not be sent, and *on_poison* is ``stop``.
            ConfigurationError: the tables are missing, or the relay is running already.
        """
        self._begin()
        try:
            while not self._stopping:
                try:
                    await self._step()
                    if self._health.failing == DATABASE:
                        self._health.recovered()
                except _DATABASE_ERRORS as error:
                    await self._pause(self._health.outage(DATABASE, error), renewing=False)
        finally:
            await self._end()

    async def drain(self) -> int:
        """Send all that is pending, or wait until another relay that leads has done so.

        It waits as long as that one gets on, and takes over when its lease ends.

        Returns:
            How many messages this relay has sent.

        Raises:
            BacklogStalledError: another relay leads, and has sent nothing for twice the time
                of a lease.
            UndeliverableMessageError: a message can not be sent, and *on_poison* is ``stop``.
            ConfigurationError: the tables are missing, or the relay is running already.
            ConnectionError: the broker can not be reached; a *TransportUnavailableError* is
                one. A transport may raise a TimeoutError instead.
            sqlalchemy.exc.SQLAlchemyError: the database can not be reached.
        """
        self._begin()
        before = self._sent
        standby = AsyncStandby(self.engine, self._claims.tables, 2 * self.lease)
        try:
            while not self._stopping and not self._quiet:
                await self._step(patient=False)
                if not self._lease.is_held and await standby.is_done():
                    break
        finally:
            await self._end()
        return self._sent - before

    def stop(self) -> None:
        """Let *run* or *drain* send what it holds and return; call it from where you like.

        If none is running, the next one returns at once.
        """
        self._stopping = True
        self._bell.ring()

    def wake(self) -> None:
        """Tell that there is something to send, so that it is not found by polling alone."""
        self._bell.ring()

    async def status(self) -> RelayStatus:
        """Tell how this relay is, and how much there is to send.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database can not be reached.
        """
        return RelayStatus(
            running=self._running,
            leading=self._lease.is_fresh,
            leader=await self.outbox.leader(),
            outages=self._health.outages,
            last_error=self._health.last_error,
            backlog=await self.outbox.backlog(),
        )

    def _begin(self) -> None:
        if self._running:
            text = "The relay is running already"
            raise ConfigurationError(text)
        self._running = True
        self._checked = self._quiet = False

    async def _end(self) -> None:
        """Leave, so that another relay takes over at once."""
        outcome, self._outcome = self._outcome, None
        try:
            await self._lease.release(outcome)
        except (LeaseLostError, *_DATABASE_ERRORS) as error:
            # The lease ends by itself; what was sent and could not be marked is sent again.
            log.warning("left without saying so: %s", error, extra={"event": "relay.left"})
        finally:
            self._running = self._stopping = False
            await self._notifications.close()

    async def _step(self, *, patient: bool = True) -> None:
        """Do what comes next. Only who is patient waits for a broker that is not there."""
        try:
            if not self._lease.is_held and not await self._take_lead():
                await self._bell.wait(min(self.poll_interval, self.lease / 3))
                return
            await self._notifications.listen()
            await self._retention.purge()
            if self._quiet:
                await self._lease.renew()
                if not await self._is_pending():
                    longest = min(self.poll_interval, self.lease / 3)
                    await self._notifications.wait(min(self._nap, longest))
                    self._nap *= 2
                    return
            batch = await self._advance()
            if batch.rows:
                await self._forward(batch, patient=patient)
            elif batch.wait:
                await self._pause(batch.wait)
        except LeaseLostError:
            self._outcome = None
            self._quiet = False
            log.warning("another relay leads", extra={"event": "relay.deposed"})

    async def _take_lead(self) -> bool:
        """Acquire the lease if it is free; return whether it is held now."""
        if not self._checked:
            await run(self._reading, self._claims.check)
            self._checked = True
        self._quiet = False
        return await self._lease.acquire()

    async def _is_pending(self) -> bool:
        """Look whether there is anything to send."""
        return await run(self._reading, self._claims.is_pending)

    async def _advance(self) -> Batch:
        """Record what has become of the last batch, and claim the next one."""
        batch = await self._lease.run(self._claims.advance, self._outcome)
        self._outcome = None
        for row in batch.parked:
            self._health.failure(row, row.reason, attempts=row.attempts, parked=True)
        self._quiet = not batch.rows and not batch.wait
        if self._quiet:
            self._nap = self._first_nap
            self._health.recovered()
        if batch.stuck is not None:
            stuck = batch.stuck
            raise UndeliverableMessageError(
                stuck.message_id, stuck.position, stuck.attempts, stuck.reason
            )
        return batch

    async def _forward(self, batch: Batch, *, patient: bool) -> None:
        """Send a batch, and deal with what can not be sent."""
        self._outcome = outcome = await self._send(batch)
        self._sent += len(outcome.sent)
        failed = outcome.failed
        if outcome.error is None:
            self._health.recovered()
            log.debug(
                "sent %d message(s)",
                len(outcome.sent),
                extra={"event": "relay.sent", "count": len(outcome.sent)},
            )
        elif failed is None:
            await self._lease.run(self._claims.settle, outcome)
            self._outcome = None
            if not patient:
                raise outcome.error
            await self._pause(self._health.outage(BROKER, outcome.error))
        else:
            attempts, parked = failed.attempts + 1, self._claims.parks(outcome)
            self._health.failure(failed, outcome.reason, attempts=attempts, parked=parked)
            if outcome.is_rejection and not self._claims.park:
                await self._lease.run(self._claims.settle, outcome)
                self._outcome = None
                raise UndeliverableMessageError(
                    failed.message_id, failed.position, attempts, outcome.reason
                ) from outcome.error

    async def _send(self, batch: Batch) -> Outcome:
        """Send a batch, and return what has become of it."""
        if not self._lease.is_fresh:
            # The process was frozen since it has claimed the batch: it may be another's now.
            raise LeaseLostError
        try:
            await self.transport.send_messages_serialized([serialized(row) for row in batch.rows])
        except Exception as error:  # noqa: BLE001
            return Outcome.of_failure(batch.rows, error)
        return Outcome.of_success(batch.rows)

    async def _pause(self, seconds: float, *, renewing: bool = True) -> None:
        """Wait; only *stop* ends it before. The lease is kept, if there is a database for it."""
        end = monotonic() + seconds
        while not self._stopping and (left := end - monotonic()) > 0:
            await self._bell.wait(min(left, self.lease / 3))
            if renewing and self._lease.is_held and monotonic() < end:
                await self._lease.renew()
