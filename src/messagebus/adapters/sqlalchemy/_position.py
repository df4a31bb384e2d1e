"""The position behind which a leader looks for messages, so that it passes no dead rows."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import sqlalchemy as sa

_INTERVAL = 1.0  # seconds between two looks from the front


class BehindPosition:
    """A position on PostgreSQL up to which nothing is pending and nothing can become visible.

    An old snapshot, such as that of a backup, keeps the index entries of all messages that were
    sent since. A search from the front passes every one of them. The transactions that are running
    when a position is seen may still commit smaller ones; once they have ended, the leader looks
    behind it. What was replayed is found from the front.
    """

    def __init__(self) -> None:
        self._front_at = 0.0
        self._floor = 0
        self._next: tuple[int, int] | None = None

    def narrow(self, head: sa.Select[Any], position: sa.ColumnElement[int]) -> sa.Select[Any]:
        """Let a query begin behind *floor*, a parameter, and return what *learn* needs."""
        snapshot = sa.func.txid_current_snapshot()
        bounds = {
            "oldest_running": sa.func.txid_snapshot_xmin(snapshot, type_=sa.BigInteger),
            "next_transaction": sa.func.txid_snapshot_xmax(snapshot, type_=sa.BigInteger),
        }
        # A subquery that depends on no row is evaluated once.
        columns = [sa.select(each).scalar_subquery().label(name) for name, each in bounds.items()]
        floor = sa.bindparam("floor", 0, type_=sa.BigInteger)
        return head.add_columns(*columns).where(position > floor)

    def floor(self) -> int:
        """Return where to begin the next look: now and then, at the front."""
        if monotonic() - self._front_at >= _INTERVAL:
            self._front_at = monotonic()
            return 0
        return self._floor

    def learn(self, rows: Sequence[sa.Row[Any]]) -> None:
        """Note the pending messages that were found, in order."""
        if not rows or not hasattr(first := rows[0], "oldest_running"):
            return
        reached = self._floor
        if self._next is not None and first.oldest_running >= self._next[1]:
            reached, self._next = self._next[0], None
        self._floor = min(reached, first.position - 1)
        if self._next is None:
            self._next = rows[-1].position, first.next_transaction

    def forget(self) -> None:
        """Begin at the front: another relay may have led in the meantime."""
        self._front_at, self._floor, self._next = 0.0, 0, None
