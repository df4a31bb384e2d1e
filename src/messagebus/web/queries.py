"""Queries for the pages alone: recent traffic, and the letters of consumers and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ..adapters.sqlalchemy import READ_ONLY, OutboxTables
from ..adapters.sqlalchemy.clock import now
from ..adapters.sqlalchemy.tables import PENDING, in_state

SAMPLE = 5_000
"""The most messages that are looked at for the plots."""


@dataclass(frozen=True, slots=True)
class Passage:
    """When a published message was stored, and when it was sent.

    Attributes:
        created_at: its creation time, in UTC.
        delivered_at: when it was sent, in UTC; None if it was not.
    """

    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was stored and sent lately.

    Attributes:
        now: the time of the database.
        since: when the sample begins to be complete; None if nothing was left out.
        stored: the newest messages.
        sent: the messages that were sent last; those that were sent again long after may lack.
    """

    now: datetime
    since: datetime | None
    stored: Sequence[Passage]
    sent: Sequence[Passage]


async def recent_traffic(engine: AsyncEngine, tables: OutboxTables) -> Traffic:
    """Return what was stored and sent lately, at a cost that no size of the table changes."""
    column = tables.messages.c
    columns: list[Any] = [column.position, column.created_at, column.delivered_at, column.published]
    newest = sa.select(*columns).order_by(column.position.desc()).limit(SAMPLE)
    waiting = sa.select(sa.func.min(column.position)).where(in_state(tables.messages, PENDING))
    async with engine.execution_options(**READ_ONLY).connect() as connection:
        time: datetime = (await connection.execute(sa.select(now(engine.dialect)))).scalar_one()
        rows = (await connection.execute(newest)).all()
        first = await connection.scalar(waiting)
        # A long backlog may hide behind it what was sent last.
        edge = min(first or 0, rows[-1].position if rows else 0)
        older = (await connection.execute(newest.where(column.position < edge))).all()
    stored = [_passage(row) for row in rows if row.published]
    sent = [*stored, *(_passage(row) for row in older if row.published)]
    cut = [_passage(each[-1]) for each in (rows, older) if len(each) == SAMPLE]
    since = max((each.delivered_at or each.created_at for each in cut), default=None)
    sent = [each for each in sent if each.delivered_at]
    return Traffic(time.astimezone(UTC), since, stored, sent)


async def letters_of_consumers(
    engine: AsyncEngine, tables: OutboxTables
) -> Sequence[tuple[str, int]]:
    """Return the consumers that have dead letters, with their number."""
    consumer = tables.dead_letters.c.consumer
    query = sa.select(consumer, sa.func.count()).group_by(consumer).order_by(consumer)
    async with engine.execution_options(**READ_ONLY).connect() as connection:
        return [(row[0], row[1]) for row in await connection.execute(query)]


async def letters_of_messages(
    engine: AsyncEngine, tables: OutboxTables, message_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[int, str]]]:
    """Return position and consumer of the dead letters of each message that has any."""
    column = tables.dead_letters.c
    query = sa.select(column.message_id, column.position, column.consumer)
    query = query.where(column.message_id.in_(message_ids)).order_by(column.position)
    found: dict[UUID, list[tuple[int, str]]] = {}
    async with engine.execution_options(**READ_ONLY).connect() as connection:
        for message_id, position, consumer in await connection.execute(query):
            found.setdefault(message_id, []).append((position, consumer))
    return found


def _passage(row: Any) -> Passage:
    sent = row.delivered_at
    return Passage(row.created_at.astimezone(UTC), sent and sent.astimezone(UTC))
