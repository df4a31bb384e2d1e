"""What a relay reads and writes: its lease, the batch in flight, what became of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...exceptions import ConfigurationError
from ._relay_statements import Statements
from .clock import clock, later, present
from .delivery import Backoff, Batch, Outcome
from .tables import PARKED, PENDING, RELAY, OutboxTables, in_state


class LeaseLostError(Exception):
    """Another relay leads, or may lead: this one must send nothing and write nothing."""


class Claims:
    """The transactions of a relay; each is one method, given a connection.

    The batch in flight is noted with the lease before it is sent: if the relay ends without
    telling what became of it, the next holder counts an attempt for each message of it.

    Args:
        tables: the outbox.
        holder: says who leads, to people.
        lease: how long the lease lasts without being renewed, in seconds.
        batch_size: how many messages are sent at once.
        max_attempts: how often a message is tried.
        backoff: how long a message that failed waits.
        park: let the others pass a message that can not be sent.
    """

    def __init__(
        self,
        tables: OutboxTables,
        *,
        holder: str,
        lease: float,
        batch_size: int,
        max_attempts: int,
        backoff: Backoff,
        park: bool,
    ) -> None:
        self.tables = tables
        self.holder = holder
        self.duration = timedelta(seconds=lease)
        self.max_attempts = max_attempts
        self.backoff = backoff
        self.park = park
        self._postgres, self._others = (
            Statements(tables, is_postgres=is_postgres, lease=self.duration, batch_size=batch_size)
            for is_postgres in (True, False)
        )

    def parks(self, outcome: Outcome) -> bool:
        """Tell whether the message that failed is parked."""
        failed = outcome.failed
        if failed is None or not self.park:
            return False
        return outcome.is_rejection or failed.attempts + 1 >= self.max_attempts

    def check(self, connection: sa.Connection) -> None:
        """Look whether the tables are there.

        Raises:
            ConfigurationError: one is missing.
        """
        inspector = sa.inspect(connection)
        for table in (self.tables.messages, self.tables.lease):
            if not inspector.has_table(table.name, table.schema):
                text = f"The table {table.fullname} does not exist"
                error = ConfigurationError(text)
                error.add_note(
                    "Create it by a migration, or by async_create_tables(engine) or its sync twin."
                )
                raise error

    def is_pending(self, connection: sa.Connection) -> bool:
        """Tell whether there is anything to send."""
        return connection.execute(self._statements(connection).pending).first() is not None

    def is_free(self, connection: sa.Connection) -> bool:
        """Tell whether the lease can be acquired."""
        row = connection.execute(self._statements(connection).lease).one_or_none()
        return row is None or row.expires_at <= present(connection)

    def acquire(self, connection: sa.Connection) -> int | None:
        """Acquire the lease, if it is free.

        Returns:
            The token of the new holder, or None if another one holds it.
        """
        lease = self.tables.lease
        row = connection.execute(self._statements(connection).lease).one_or_none()
        now = present(connection)
        values = {
            "holder": self.holder,
            "expires_at": now + self.duration,
            "listening": False,
            "sending_from": None,
            "sending_to": None,
        }
        if row is None:
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(lease).values(name=RELAY, token=1, **values))
            except IntegrityError:
                return None
            return 1
        if row.expires_at > now:
            return None
        taken = connection.execute(
            sa.update(lease)
            .where(lease.c.name == RELAY, lease.c.token == row.token)
            .values(token=row.token + 1, **values)
        )
        if taken.rowcount == 0:
            return None
        if row.sending_from is not None:
            self._count_lost_attempt(connection, row.sending_from, row.sending_to, row.holder)
        return int(row.token) + 1

    def renew(self, connection: sa.Connection, token: int) -> None:
        """Make the lease last on.

        Raises:
            LeaseLostError: another relay has it.
        """
        self._hold(connection, token, self._statements(connection).hold({}))

    def release(self, connection: sa.Connection, token: int, outcome: Outcome | None) -> None:
        """Record the last outcome, and let others acquire the lease at once.

        Without an outcome, the batch that may be in flight stays noted.

        Raises:
            LeaseLostError: another relay has it.
        """
        values: dict[str, Any] = {"expires_at": clock(connection), "listening": False}
        if outcome is not None:
            self._record(connection, outcome)
            values |= {"sending_from": None, "sending_to": None}
        self._hold(connection, token, self._statements(connection).hold(values))

    def settle(self, connection: sa.Connection, token: int, outcome: Outcome | None) -> None:
        """Record what has become of the batch in flight.

        Raises:
            LeaseLostError: another relay has the lease; nothing is recorded.
        """
        self._record(connection, outcome)
        values = {"sending_from": None, "sending_to": None}
        self._hold(connection, token, self._statements(connection).hold(values))

    def advance(
        self, connection: sa.Connection, token: int, outcome: Outcome | None = None
    ) -> Batch:
        """Record what has become of the batch in flight, and claim the next one.

        Returns:
            The next batch. It is empty if there is nothing to send: the lease then says that
            its holder sleeps until it is notified.

        Raises:
            LeaseLostError: another relay has the lease; nothing is recorded or claimed.
        """
        self._record(connection, outcome)
        batch = self._claim(connection)
        rows = batch.rows
        self._hold(
            connection,
            token,
            self._statements(connection).note,
            listens=not rows and not batch.wait,
            first=rows[0].position if rows else None,
            last=rows[-1].position if rows else None,
        )
        return batch

    def _claim(self, connection: sa.Connection) -> Batch:
        parked: list[sa.Row[Any]] = []
        head_of_outbox = self._statements(connection).head
        while rows := connection.execute(head_of_outbox).all():
            head = rows[0]
            if head.attempts == 0:
                fresh = [*takewhile(lambda row: row.attempts == 0, rows)]
                return Batch(fresh, parked=parked)
            if head.attempts < self.max_attempts:
                # What was tried before is tried alone: if it ends the process again, nothing
                # else has an attempt counted for it.
                wait = 0.0
                if head.next_attempt_at is not None:
                    wait = (head.next_attempt_at - present(connection)).total_seconds()
                if wait > 0:
                    return Batch(wait=wait, parked=parked)
                return Batch(rows[:1], parked=parked)
            if not self.park:
                return Batch(stuck=head)
            self._update(connection, head, self._parked(connection))
            parked.append(head)
        return Batch(parked=parked)

    def _record(self, connection: sa.Connection, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if outcome.sent:
            sent = self._statements(connection).sent
            connection.execute(sent, {"positions": outcome.sent})
        if outcome.failed is not None:
            attempts = self.tables.messages.c.attempts + 1
            values = {"attempts": attempts, "reason": _text(outcome.reason)}
            if self.parks(outcome):
                values |= self._parked(connection)
            else:
                wait = timedelta(seconds=self.backoff.delay(outcome.failed.attempts + 1))
                values["next_attempt_at"] = later(connection, wait)
            self._update(connection, outcome.failed, values)

    def _update(self, connection: sa.Connection, row: sa.Row[Any], values: dict[str, Any]) -> None:
        # Somebody may have discarded it meanwhile, and that is not undone.
        is_pending = in_state(self.tables.messages, PENDING)
        statement = self._statements(connection).update(values).where(is_pending)
        connection.execute(statement, {"positions": [row.position]})

    def _parked(self, connection: sa.Connection) -> dict[str, Any]:
        return {"state": PARKED, "parked_at": clock(connection), "next_attempt_at": None}

    def _count_lost_attempt(
        self, connection: sa.Connection, first: int, last: int, holder: str
    ) -> None:
        messages = self.tables.messages
        connection.execute(
            sa.update(messages)
            .where(in_state(messages, PENDING), messages.c.position.between(first, last))
            .values(
                attempts=messages.c.attempts + 1,
                reason=f"the relay {holder} ended while it was sending, or lost its lease",
            )
        )

    def _hold(
        self, connection: sa.Connection, token: int, statement: sa.Update, **parameters: Any
    ) -> None:
        """Renew the lease, which fences all that the transaction writes: it is its last step."""
        held = connection.execute(statement, {"held": token, **parameters})
        if held.rowcount == 0:
            raise LeaseLostError

    def _statements(self, connection: sa.Connection) -> Statements:
        return self._postgres if connection.dialect.name == "postgresql" else self._others


def _text(reason: str) -> str:
    """Return a reason that every database takes."""
    return reason.replace("\0", "\\0").encode("utf-8", "replace").decode()[:2000]
