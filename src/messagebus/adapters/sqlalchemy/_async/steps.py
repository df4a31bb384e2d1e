"""The steps of a relay: what it does in each of its states."""

from __future__ import annotations

from time import monotonic

from sqlalchemy.exc import DBAPIError

from ...._compat.aio import finish
from ...._compat.waits.aio import AsyncWakeUp
from ....exceptions import TransportRefusedError, UndeliverableMessageError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from .._compat.aio import call
from .._failures import BROKER, Failures, is_conflict, log
from .._relay_state import State, move
from ..delivery import Batch, LeaseLostError
from ..tables import ensure_exist
from .batches import AsyncBatches
from .lease import AsyncLease
from .notifications import AsyncNotifications
from .retention import AsyncRetention

STANDBY_INTERVAL = 0.5
"""The longest wait of a standby between two looks at the lease, in seconds."""

_MOST_CONFLICTS = 10  # in a row; more are an outage, which is waited for


class AsyncRelaySteps:
    """Takes one step after another; the relay is in exactly one state at a time.

    Attributes:
        transport: sends the messages.
        lease: the time of the lease, in seconds.
    """

    transport: AsyncAbstractEventstreamTransport
    lease: float
    _lease: AsyncLease
    _batches: AsyncBatches
    _wake_up: AsyncWakeUp
    _longest_wait: float
    _notifications: AsyncNotifications
    _retention: AsyncRetention
    _failures: Failures
    _polls: int
    _connected: bool
    _conflicts = 0
    _sent: int
    _state: State
    _told_to_stop: bool

    def _move(self, to: State) -> None:
        self._state = move(self._state, to)

    async def _step(self, *, patient: bool = True) -> None:
        """Do what the state asks for. Only a *patient* relay waits for a broker that is down."""
        try:
            match self._state:
                case State.CONNECTING:
                    async with self._lease.look() as connection:
                        await call(connection, ensure_exist, self._lease.tables)
                    if self._connected or await self._connect(patient=patient):
                        self._move(State.STANDBY)
                case State.STANDBY:
                    if await self._lease.acquire():
                        self._move(State.SENDING)
                    else:
                        await self._wake_up.wait(min(self._longest_wait, STANDBY_INTERVAL))
                case _:
                    for prepare in (
                        self._lease.sign_of_life.give,
                        self._notifications.listen,
                        self._retention.purge,
                    ):
                        await prepare()
                        if self._told_to_stop:
                            return  # each may have waited for a database that does not answer
                    if self._state is State.IDLE:
                        await self._poll()
                    else:
                        await self._send_next(patient=patient)
        except LeaseLostError:
            self._batches.forget()
            self._move(State.STANDBY)
            log.warning("another relay leads", extra={"event": "relay.deposed"})
        except DBAPIError as error:
            self._conflicts += 1
            if not is_conflict(error) or self._conflicts > _MOST_CONFLICTS:
                raise
        else:
            self._conflicts = 0

    async def _connect(self, *, patient: bool) -> bool:
        """Connect the transport, before this relay leads; return whether that is done.

        Raises:
            TransportRefusedError: the broker refuses what the transport will do.
        """
        try:
            await finish(self.transport.connect(), self.transport.connect)  # type: ignore[func-returns-value,unused-ignore]
        except TransportRefusedError:
            raise
        except OSError as error:
            if not patient:
                raise
            await self._rest(self._failures.outage(BROKER, error))
        else:
            self._connected = True
            if self._failures.failing == BROKER:
                self._failures.recovered()
        return self._connected

    async def _poll(self) -> None:
        """Look for a pending message; wait if there is none."""
        await self._lease.renew()
        if await self._batches.is_pending():
            self._move(State.SENDING)
        else:
            self._polls += 1
            if await self._notifications.wait(self._polls) and not self._told_to_stop:
                self._move(State.SENDING)  # without another look, which takes its time

    async def _send_next(self, *, patient: bool) -> None:
        """Record the outcome of the last batch, claim the next one and send it."""
        batch = await self._batches.advance()
        for row in batch.parked:
            self._failures.failure(row, row.reason, attempts=row.attempts, parked=True)
        if batch.rows:
            await self._forward(batch, patient=patient)
        elif batch.wait:
            await self._pause(batch.wait)
        elif batch.is_empty:
            self._polls = 0
            self._failures.recovered()
            self._move(State.IDLE)

    async def _forward(self, batch: Batch, *, patient: bool) -> None:
        """Send a batch, and deal with a message or a broker that fails."""
        outcome = await self._batches.send(batch, self.transport)
        self._sent += len(outcome.sent)
        failed = outcome.failed
        if outcome.error is None:
            self._failures.recovered()
            details = {"event": "relay.sent", "count": len(outcome.sent)}
            log.debug("sent %d message(s)", len(outcome.sent), extra=details)
        elif failed is None:
            if not patient:
                await self._batches.settle()
                raise outcome.error
            # Said before the lease is looked at, which may be lost while the broker is silent.
            delay = self._failures.outage(BROKER, outcome.error)
            await self._batches.settle()
            await self._pause(delay)
        else:
            attempts, parked = failed.attempts + 1, self._batches.parks(outcome)
            self._failures.failure(failed, outcome.reason, attempts=attempts, parked=parked)
            if outcome.is_rejection and not parked:
                await self._batches.settle()
                raise UndeliverableMessageError(
                    failed.message_id, failed.position, attempts, outcome.reason
                ) from outcome.error

    async def _pause(self, seconds: float) -> None:
        self._move(State.PAUSING)
        await self._rest(seconds)
        self._move(State.SENDING)

    async def _rest(self, seconds: float) -> None:
        """Wait, keeping the lease during a pause; only *stop* ends the wait early."""
        end = monotonic() + seconds
        while not self._told_to_stop and (left := end - monotonic()) > 0:
            await self._wake_up.wait(min(left, self.lease / 3))
            if self._state is State.PAUSING:
                await self._lease.renew()
