"""The inbox of a unit of work in memory, in the transaction of its models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ....exceptions import ConflictError
from ....inbox._async.inbox import AsyncAbstractInbox
from ....inbox.dead_letter import DeadLetter
from ....inbox.shares import fair_share
from ..session import MemorySession
from ..store import LETTERS


class AsyncMemoryInbox(AsyncAbstractInbox):
    """What consumers have handled, kept with the commit.

    Where a database lets one transaction wait for another that marks the same message, the later
    commit fails here, and the consumer tries again.

    Args:
        session: the session of the running transaction.
    """

    def __init__(self, session: MemorySession) -> None:
        self._marks = session.facts("marks")
        self._attempts = session.facts("attempts")
        self._noted = session.facts("noted")
        self._letters = session.facts(LETTERS)
        self._members = session.facts("members")
        self._holders = session.facts("holders")

    async def mark(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Mark messages as handled; return those that were not marked yet."""
        new = {id for id in ids if (consumer, id) not in self._marks}
        self._marks.update({(consumer, id): datetime.now(UTC) for id in new})
        return new

    async def marked(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the messages that are marked."""
        return {id for id in ids if (consumer, id) in self._marks}

    async def note(self, consumer: str, held: Mapping[str, range]) -> Mapping[str, range]:
        """Note which offsets a process has in hand; return what was noted of these logs before."""
        none = range(0), None
        before = {log: self._noted.get((consumer, log), none)[0] for log in held}
        present = datetime.now(UTC)
        self._noted.update({(consumer, log): (each, present) for log, each in held.items()})
        return before

    async def begin_attempt(self, consumer: str, id: UUID) -> int:
        """Count an attempt; return its number, which is at least 2."""
        attempts, _ = self._attempts.get((consumer, id), (1, None))
        self._attempts[consumer, id] = attempts + 1, datetime.now(UTC)
        return int(attempts) + 1

    async def forget(self, consumer: str, ids: Sequence[UUID]) -> None:
        """Forget attempts of messages."""
        for id in ids:
            self._attempts.pop((consumer, id), None)

    async def bury(self, letter: DeadLetter) -> None:
        """Keep a message that cannot be handled, once, and mark it."""
        await self.mark(letter.consumer, [letter.message_id])
        self._letters.setdefault((letter.consumer, letter.message_id), letter)
        await self.forget(letter.consumer, [letter.message_id])

    async def buried_keys(self, consumer: str) -> set[str | None]:
        """Return the ordering keys of the dead letters of a consumer."""
        letters = [each for each in self._letters.values() if each.consumer == consumer]
        keys = [(each.wire or {}).get("ordering_key") for each in letters]
        return {key if isinstance(key, str) else None for key in keys}

    async def share(
        self, consumer: str, member: str, partitions: int, lease: timedelta
    ) -> Collection[int]:
        """Renew what a process holds of the partitions of a consumer, up to its fair share."""
        present = datetime.now(UTC)
        self._members[consumer, member] = present + lease
        living = {member} | {
            name
            for (each, name), until in self._members.items()
            if each == consumer and until > present
        }
        holders = {
            number: holder
            for (each, number), holder in self._holders.items()
            if each == consumer and number < partitions and holder in living
        }
        held = fair_share(member, living, holders, partitions)
        self._give_up(consumer, member)
        self._holders.update({(consumer, number): member for number in held})
        return held

    async def leave(self, consumer: str, member: str) -> None:
        """Give up all partitions of a process."""
        self._members.pop((consumer, member), None)
        self._give_up(consumer, member)

    async def prune(self, consumer: str, age: timedelta, limit: int) -> int:
        """Delete marks, attempts and noted offsets that are older than *age*."""
        end = datetime.now(UTC) - age
        times = [
            *((time, self._marks, key) for key, time in self._marks.items()),
            *(
                (time, rows, key)
                for rows in (self._attempts, self._noted)
                for key, (_, time) in rows.items()
            ),
        ]
        # Replaying a letter relies on the mark: without it, the original may come again.
        old = [
            (rows, key)
            for time, rows, key in times
            if time < end and key[0] == consumer and key not in self._letters
        ]
        for rows, key in old[:limit]:
            del rows[key]
        return len(old[:limit])

    def may_pass(self, failure: BaseException) -> bool:
        """Tell whether another transaction was in the way."""
        return isinstance(failure, ConflictError)

    def _give_up(self, consumer: str, member: str) -> None:
        for key, holder in list(self._holders.items()):
            if key[0] == consumer and holder == member:
                del self._holders[key]
