"""The inbox of a unit of work on SQLAlchemy, in the transaction of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from ...._ranges import LARGEST_BATCH, ensure_duration, ensure_whole
from ....exceptions import TransactionError
from ....inbox._async.inbox import AsyncAbstractInbox
from ....inbox.dead_letter import DeadLetter
from .. import _inbox, _shares
from .._compat.aio import call
from ..tables import OutboxTables

if TYPE_CHECKING:
    from .unit_of_work import AsyncSQLAlchemyUnitOfWork

R = TypeVar("R")


class AsyncSQLAlchemyInbox(AsyncAbstractInbox):
    """What consumers have handled, written through the connection of the messages.

    Each method is one statement, whatever the number of messages. The times are those of the
    database.

    Args:
        unit_of_work: the unit of work whose running transaction is used.
        tables: the tables.
    """

    def __init__(self, unit_of_work: AsyncSQLAlchemyUnitOfWork[Any], tables: OutboxTables) -> None:
        self._unit_of_work = unit_of_work
        self._tables = tables

    async def mark(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Mark messages as handled; return those that were not marked yet."""
        return await self._call(_inbox.mark, consumer, ids) if ids else set()

    async def marked(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the messages that are marked."""
        return await self._call(_inbox.marked, consumer, ids) if ids else set()

    async def note(self, consumer: str, held: Mapping[str, range]) -> Mapping[str, range]:
        """Note which offsets a process has in hand; return what was noted of these logs before."""
        return await self._call(_inbox.note, consumer, held) if held else {}

    async def begin_attempt(self, consumer: str, id: UUID) -> int:
        """Count an attempt; return its number, which is at least 2."""
        return await self._call(_inbox.begin_attempt, consumer, id)

    async def forget(self, consumer: str, ids: Sequence[UUID]) -> None:
        """Forget attempts of messages."""
        if ids:
            await self._call(_inbox.forget, consumer, ids)

    async def bury(self, letter: DeadLetter) -> None:
        """Keep a message that cannot be handled, once, and mark it."""
        await self._call(_inbox.bury, letter)

    async def buried_keys(self, consumer: str) -> set[str | None]:
        """Return the ordering keys of the dead letters of a consumer."""
        return await self._call(_inbox.buried_keys, consumer)

    async def share(
        self, consumer: str, member: str, partitions: int, lease: timedelta
    ) -> set[int]:
        """Renew what a process holds, up to its fair share; return what it holds now."""
        return await self._call(_shares.share, consumer, member, partitions, lease)

    async def leave(self, consumer: str, member: str) -> None:
        """Give up all partitions of a process."""
        await self._call(_shares.leave, consumer, member)

    async def prune(self, consumer: str, age: timedelta, limit: int) -> int:
        """Delete marks, attempts and noted offsets older than *age*, at most *limit*.

        The mark of a dead letter stays as long as the letter.

        Raises:
            ConfigurationError: the age is negative or longer than a hundred years, or the limit
                is less than one or larger than 30,000.
        """
        ensure_duration("age", age)
        ensure_whole("limit", limit, most=LARGEST_BATCH)
        return await self._call(_inbox.prune, consumer, age, limit)

    def may_pass(self, failure: BaseException) -> bool:
        """Tell whether an error is the database's, and trying again may succeed.

        It is if the database is away, full or read-only, or if another transaction was in the way.
        A statement that takes too long is no such error: the message may be the reason.
        """
        return _inbox.may_pass(failure)

    async def _call(self, function: Callable[..., R], *args: Any) -> R:
        unit_of_work = self._unit_of_work
        if unit_of_work.eventstore.transaction is None:
            text = "The inbox can be used in a running transaction only"
            raise TransactionError(text)
        return await call(unit_of_work.session, _inbox.with_inbox, self._tables, function, *args)
