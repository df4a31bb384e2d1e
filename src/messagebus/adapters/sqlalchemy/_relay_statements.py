"""The statements of a relay, made once: from batch to batch only their parameters change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from .clock import ticking
from .tables import PENDING, RELAY, SENT, OutboxTables, in_state


class Statements:
    """What a relay asks of one kind of database.

    On PostgreSQL each of them lets the server end the transaction of a relay that is frozen in
    the middle of it, so that whichever comes first costs no round trip for that.

    Args:
        tables: the outbox.
        is_postgres: whether that is the kind of database.
        lease: how long the lease lasts without being renewed.
        batch_size: how many messages are sent at once.

    Attributes:
        lease: finds the lease.
        pending: finds any pending message.
        head: finds the first pending messages.
        sent: marks the messages at *positions* as sent.
        note: renews the lease as *hold* does, with the batch from *first* to *last*, and whether
            its holder *listens*.
    """

    def __init__(
        self, tables: OutboxTables, *, is_postgres: bool, lease: timedelta, batch_size: int
    ) -> None:
        self._tables = tables
        self._is_postgres = is_postgres
        self._end = ticking(is_postgres=is_postgres, wait=lease)
        self._limit = _limit(lease) if is_postgres else sa.true()
        messages = tables.messages.c
        is_pending = in_state(tables.messages, PENDING)
        columns: list[sa.Column[Any]] = [
            messages.position,
            messages.message_id,
            messages.created_at,
            messages.name,
            messages.schema_version,
            messages.payload,
            messages.causation_id,
            messages.correlation_id,
            messages.attempts,
            messages.next_attempt_at,
            messages.reason,
        ]
        self.lease = sa.select(tables.lease).where(tables.lease.c.name == RELAY, self._limit)
        self.pending = sa.select(messages.position).where(is_pending).limit(1)
        self.head = (
            sa.select(*columns)
            .where(is_pending, self._limit)
            .order_by(messages.position)
            .limit(batch_size)
        )
        self.sent = self.update(
            {
                "state": SENT,
                "delivered_at": ticking(is_postgres=is_postgres),
                "attempts": messages.attempts + 1,
                "next_attempt_at": None,
                "reason": None,
            }
        )
        self.note = self.hold(
            {
                "listening": sa.bindparam("listens"),
                "sending_from": sa.bindparam("first"),
                "sending_to": sa.bindparam("last"),
            }
        )

    def update(self, values: dict[str, Any]) -> sa.Update:
        """Return what changes the messages at *positions*, which is a parameter."""
        position = self._tables.messages.c.position
        if self._is_postgres:
            # One parameter, and so one statement to compile and to plan for batches of any size.
            array = sa.bindparam("positions", type_=sa.ARRAY(sa.BigInteger))
            among = position == sa.any_(array)
        else:
            among = position.in_(sa.bindparam("positions", expanding=True))
        return sa.update(self._tables.messages).where(among, self._limit).values(values)

    def hold(self, values: dict[str, Any]) -> sa.Update:
        """Return what renews the lease, if its token is *held*, which is a parameter."""
        lease = self._tables.lease
        return (
            sa.update(lease)
            .where(lease.c.name == RELAY, lease.c.token == sa.bindparam("held"), self._limit)
            .values({"expires_at": self._end, **values})
        )


def _limit(lease: timedelta) -> sa.ColumnElement[bool]:
    """Return a condition that is true, and has PostgreSQL end a transaction that stands still."""
    milliseconds = str(round(lease.total_seconds() * 1000))
    limited = sa.func.set_config("idle_in_transaction_session_timeout", milliseconds, True)
    # A subquery that depends on no row is evaluated once, and before any row is looked for.
    return sa.select(limited).scalar_subquery().is_not(None)
