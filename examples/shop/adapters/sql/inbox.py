"""What has become of every line, kept together with what it has led to."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from .tables import inbox


@dataclass(frozen=True, slots=True)
class Entry:
    """What has become of a line.

    Attributes:
        line_id: identifies the line.
        command: the name of the command; None if the line did not tell.
        reason: why it was rejected; None if it was accepted.
    """

    line_id: str
    command: str | None
    reason: str | None = None


class Inbox:
    """Remembers each line in the transaction that handles it: it is handled once, or not at all.

    Args:
        session: the session of the transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, entry: Entry) -> Entry | None:
        """Keep an entry, unless there is one for its line.

        It comes first in a transaction, and lets those of other runs on the database wait until
        the transaction has ended. So they take turns, as SQLite makes them do anyway.

        Returns:
            The entry that was there before; None if there was none.
        """
        if self._session.get_bind().dialect.name == "postgresql":
            await self._session.execute(sa.text(f"LOCK TABLE {inbox.name} IN EXCLUSIVE MODE"))
        known = sa.select(inbox).where(inbox.c.line_id == entry.line_id)
        row = (await self._session.execute(known)).one_or_none()
        if row is not None:
            return Entry(*row)
        await self._session.execute(
            sa.insert(inbox).values(
                line_id=entry.line_id, command=entry.command, reason=entry.reason
            )
        )
        return None
