"""The batches of a relay: claimed, sent, and their outcomes recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import takewhile
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ....exceptions import UndeliverableMessageError
from ....retry import Backoff
from ....serialization.wire import row_to_wire
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ....service._async.middleware import AsyncSendCall, send
from ....service.middleware import compose
from ....typing import AsyncMiddleware
from .._compat.aio import AsyncConnection
from .._failures import is_conflict
from .._position import BehindPosition
from ..clock import now
from ..delivery import Batch, Outcome
from ..tables import PARKED, PENDING, SENT, in_state
from .lease import AsyncLease

# Neither sent nor looked at; above all, the JSON of the metadata would be decoded for nothing.
_UNUSED = {"metadata", "kind", "published", "state", "delivered_at", "parked_at"}


class AsyncBatches:
    """Takes the pending messages in order, one batch at a time.

    The batch in flight is noted with the lease before it is sent. If the relay dies without
    recording an outcome, the next holder of the lease counts an attempt for each of its messages.

    Args:
        lease: the lease of the relay.
        batch_size: the most messages in a batch.
        max_attempts: the most attempts to send a message.
        backoff: the waits between the attempts.
        park: whether a message that cannot be sent lets the others pass.
    """

    def __init__(
        self,
        lease: AsyncLease,
        batch_size: int,
        max_attempts: int,
        backoff: Backoff,
        *,
        park: bool,
    ) -> None:
        self._lease = lease
        self._messages = lease.tables.messages
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._park = park
        self._outcome: Outcome | None = None
        self._middleware: list[AsyncMiddleware[AsyncSendCall]] = []
        self._sending: Callable[[AsyncSendCall], Any] = send
        self._waiting: tuple[Any, ...] | None = None
        self._wait_until = 0.0
        # Built once: only the parameters of these statements change from batch to batch.
        column, present = self._messages.c, now(lease.engine.dialect)
        self._is_pending = in_state(self._messages, PENDING)
        self._first = sa.select(column.position).where(self._is_pending).limit(1)
        self._head: sa.Select[Any] = (
            sa.select(*(each for each in column if each.name not in _UNUSED))
            .where(self._is_pending, lease.limit)
            .order_by(column.position)
            .limit(batch_size)
        )
        self._behind = BehindPosition()
        self._at_once: sa.Select[Any] | None = None
        if lease.engine.dialect.name == "postgresql":
            self._head = self._behind.narrow(self._head, column.position)
            # asyncpg prepares a statement and then executes it: outside of a transaction, a pooler
            # may do the two on different connections of the server.
            if lease.engine.dialect.driver != "asyncpg":
                self._at_once = _claim_at_once(self._head, lease)
        self._mark_sent = self._change(
            state=SENT,
            delivered_at=present,
            attempts=column.attempts + 1,
            next_attempt_at=None,
            reason=None,
        )
        self._parked = {"state": PARKED, "parked_at": present, "next_attempt_at": None}
        self._note = lease.hold(
            listening=sa.bindparam("listens"),
            sending_from=sa.bindparam("first"),
            sending_to=sa.bindparam("last"),
        )

    def add_middleware(self, middleware: AsyncMiddleware[AsyncSendCall]) -> None:
        """Let the sending of batches pass through middleware, the first one outermost."""
        self._middleware.append(middleware)
        self._sending = compose(self._middleware, send)

    def parks(self, outcome: Outcome) -> bool:
        """Return whether the message that failed is parked."""
        failed = outcome.failed
        if failed is None or not self._park:
            return False
        return outcome.is_rejection or failed.attempts + 1 >= self._max_attempts

    async def is_pending(self) -> bool:
        """Return whether there is a message to send."""
        async with self._lease.look() as connection:
            return (await connection.execute(self._first)).first() is not None

    async def advance(self) -> Batch:
        """Record the outcome of the last batch, and claim the next batch.

        Returns:
            The next batch. If it is empty, the lease says that its holder waits for a
            notification.

        Raises:
            UndeliverableMessageError: a message has no attempts left, and lets no other pass.
                Nothing is recorded; *settle* does that.
            LeaseLostError: another relay holds the lease; nothing is recorded or claimed.
        """
        if self._outcome is None and (rows := await self._claim_fresh()):
            return Batch(rows)
        async with self._lease.transaction(self._note) as (connection, note):
            await self._record(connection)
            batch = await self._claim(connection)
            rows = batch.rows
            note["listens"] = batch.is_empty
            note["first"] = rows[0].position if rows else None
            note["last"] = rows[-1].position if rows else None
        self._outcome = None
        return batch

    async def send(self, batch: Batch, transport: AsyncAbstractEventstreamTransport) -> Outcome:
        """Send a batch and return its outcome, which the next transaction records.

        Raises:
            LeaseLostError: another relay may hold the lease; nothing is sent.
        """
        # If the process froze after claiming the batch, that may be another relay's by now.
        await self._lease.renew()
        try:
            call = AsyncSendCall([row_to_wire(row) for row in batch.rows], transport)
            await self._sending(call)
            call.ensure_sent()
        except Exception as error:  # noqa: BLE001
            self._outcome = Outcome.of_failure(batch.rows, error)
        else:
            self._outcome = Outcome([row.position for row in batch.rows])
        return self._outcome

    async def settle(self) -> None:
        """Record the outcome of the last batch, if that is not done yet.

        Raises:
            LeaseLostError: another relay holds the lease; nothing is recorded.
        """
        if self._outcome is not None:
            settled = self._lease.hold(sending_from=None, sending_to=None)
            async with self._lease.transaction(settled) as (connection, _):
                await self._record(connection)
            self._outcome = None

    def forget(self) -> None:
        """Forget the outcome of the last batch: another relay sends that batch again."""
        self._outcome = None
        self._behind.forget()

    async def _claim_fresh(self) -> Sequence[sa.Row[Any]]:
        """Claim the next messages at once, where that is possible and none was tried before.

        Most often, this follows a notification, and somebody waits for the message.
        """
        if self._at_once is None:
            return ()
        try:
            rows = await self._lease.claim(self._at_once, {"floor": self._behind.floor()})
        except DBAPIError as error:
            # The database may have a stricter isolation level by default.
            if is_conflict(error):
                return ()
            raise
        self._behind.learn(rows)
        return rows

    async def _claim(self, connection: AsyncConnection) -> Batch:
        floor = self._behind.floor()
        rows = (await connection.execute(self._head, {"floor": floor})).all()
        if floor and not rows:
            rows = (await connection.execute(self._head, {"floor": 0})).all()
        self._behind.learn(rows)
        # At most a batch of them: the lease is renewed before the next ones.
        parked = [*takewhile(lambda row: row.attempts >= self._max_attempts, rows)]
        if parked:
            head = rows[0]
            if not self._park:
                raise UndeliverableMessageError(
                    head.message_id, head.position, head.attempts, head.reason
                )
            await self._update(connection, parked, self._parked)
        rows = rows[len(parked) :]
        if not rows or rows[0].attempts == 0:
            fresh = [*takewhile(lambda row: row.attempts == 0, rows)]
            return Batch(fresh, parked=parked)
        # A message that was tried before is sent alone: if it kills the process again, no other
        # message has an attempt counted for it.
        if wait := await self._wait(connection, rows[0]):
            return Batch(wait=wait, parked=parked)
        return Batch(rows[:1], parked=parked)

    async def _wait(self, connection: AsyncConnection, head: sa.Row[Any]) -> float:
        """Return the time until a message may be tried again, in seconds."""
        if head.next_attempt_at is None:
            return 0.0
        present = await connection.scalar(sa.select(now(connection.dialect)))
        wait = (head.next_attempt_at - present).total_seconds()
        # A clock that is set back must not stop the message: it waits no longer than the longest
        # backoff, from when it was first seen to wait.
        if self._waiting != (seen := (head.position, head.next_attempt_at)):
            self._waiting = seen
            self._wait_until = monotonic() + self._backoff.longest * (1 + self._backoff.jitter)
        return float(max(min(wait, self._wait_until - monotonic()), 0.0))

    async def _record(self, connection: AsyncConnection) -> None:
        outcome = self._outcome
        if outcome is None:
            return
        if outcome.sent:
            await connection.execute(self._mark_sent, {"positions": outcome.sent})
        if outcome.failed is not None:
            attempts = self._messages.c.attempts + 1
            values = {"attempts": attempts, "reason": _storable(outcome.reason)}
            if self.parks(outcome):
                values |= self._parked
            else:
                wait = timedelta(seconds=self._backoff.delay(outcome.failed.attempts + 1))
                values["next_attempt_at"] = now(connection.dialect, wait)
            await self._update(connection, [outcome.failed], values)

    async def _update(
        self, connection: AsyncConnection, rows: Sequence[sa.Row[Any]], values: dict[str, Any]
    ) -> None:
        # A message may have been discarded in the meantime; that decision stands.
        statement = self._change(**values).where(self._is_pending)
        await connection.execute(statement, {"positions": [row.position for row in rows]})

    def _change(self, **values: Any) -> sa.Update:
        """Return the statement that changes the messages at *positions*, a parameter."""
        position = self._messages.c.position
        if self._lease.engine.dialect.name == "postgresql":
            # One parameter, and so one statement to compile and to plan for batches of any size.
            array = sa.bindparam("positions", type_=sa.ARRAY(sa.BigInteger))
            among = position == sa.any_(array)
        else:
            among = position.in_(sa.bindparam("positions", expanding=True))
        return sa.update(self._messages).where(among, self._lease.limit).values(**values)


def _claim_at_once(head: sa.Select[Any], lease: AsyncLease) -> sa.Select[Any]:
    """Return one statement that claims the messages of *head*, unless one was tried before.

    The fence is a part of it: without the lease, it returns and changes nothing.
    """
    # The claim need not outlive a crash of the server: what is sent is marked only afterwards, and
    # the lease is renewed long before it ends.
    lazy = sa.select(sa.func.set_config("synchronous_commit", "off", True)).scalar_subquery()
    rows = head.where(lazy.is_not(None)).cte("head")
    first, last, most = (
        sa.select(each).scalar_subquery()
        for each in (
            sa.func.min(rows.c.position),
            sa.func.max(rows.c.position),
            sa.func.max(rows.c.attempts),
        )
    )
    fence = lease.hold(listening=False, sending_from=first, sending_to=last).where(most == 0)
    held = fence.returning(lease.tables.lease.c.token).cte("held")
    return sa.select(rows).join(held, sa.true()).order_by(rows.c.position)


def _storable(reason: str) -> str:
    """Return a reason in a form that every database accepts."""
    return reason.replace("\0", "\\0").encode("utf-8", "replace").decode()[:2000]
