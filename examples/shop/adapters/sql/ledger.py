"""What has happened in the shop since its database was created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from messagebus.adapters.sqlalchemy import READ_ONLY

from .tables import inbox, outbox

_MESSAGES = outbox.messages.c
_TYPE = (_MESSAGES.name, _MESSAGES.schema_version)
_SENT = _MESSAGES.state == "sent"


class Ledger:
    """Counts what was committed.

    Args:
        engine: connects to the database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(**READ_ONLY)

    async def commands(self) -> Sequence[tuple[str | None, int, int]]:
        """Count, for each command, the lines that were accepted and those that were rejected.

        Lines that did not tell their command are counted under None.
        """
        rejected = sa.func.count(inbox.c.reason)
        return await self._rows(
            sa.select(inbox.c.command, sa.func.count() - rejected, rejected).group_by(
                inbox.c.command
            )
        )

    async def events(self) -> Sequence[tuple[str, int]]:
        """Count the events by their names."""
        return await self._rows(
            sa.select(_MESSAGES.name, sa.func.count())
            .where(_MESSAGES.kind == "event")
            .group_by(_MESSAGES.name)
        )

    async def sent(self) -> Sequence[tuple[str, int]]:
        """Count the messages that were sent to the stream by their types."""
        query = sa.select(*_TYPE, sa.func.count()).where(_SENT).group_by(*_TYPE)
        return [(f"{name}_v{version}", sent) for name, version, sent in await self._rows(query)]

    async def latest(self, count: int) -> Sequence[tuple[str, str]]:
        """Return type and payload of the messages that were sent last, the latest at the end."""
        rows = await self._rows(
            sa.select(*_TYPE, _MESSAGES.payload)
            .where(_SENT)
            .order_by(_MESSAGES.position.desc())
            .limit(count)
        )
        return [(f"{name}_v{version}", payload) for name, version, payload in reversed(rows)]

    async def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(query)]
