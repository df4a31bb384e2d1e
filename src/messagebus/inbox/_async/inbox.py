"""The inbox of a unit of work: what its consumers have handled, kept beside their data."""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from ..._compat.aio import adapt_methods
from ..dead_letter import DeadLetter


class AsyncAbstractInbox(abc.ABC):
    """What consumers have handled, written in the transaction of the handler.

    A unit of work that has one offers it as its attribute *inbox*. Each method but *may_pass* is
    called in a running transaction of that unit of work, and has its effect with the commit.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    @abc.abstractmethod
    async def mark(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Mark messages as handled, before anything else is done in the transaction.

        If another transaction that has not ended marks one of them, this waits for its end.

        Args:
            consumer: the name of the consumer; each name has marks of its own.
            ids: the identifiers of the messages.

        Returns:
            Those that were not marked yet. The others have had their effect.
        """

    @abc.abstractmethod
    async def marked(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the messages that are marked."""

    @abc.abstractmethod
    async def note(self, consumer: str, held: Mapping[str, range]) -> Mapping[str, range]:
        """Note which offsets a process has in hand, where the broker counts no deliveries.

        A message with one of them that comes again may have been attempted.

        Args:
            consumer: the name of the consumer.
            held: the offsets, by the name of their log; they replace what was noted of it.

        Returns:
            What was noted of these logs before. One of which nothing was is empty, or missing.
        """

    @abc.abstractmethod
    async def begin_attempt(self, consumer: str, id: UUID) -> int:
        """Count an attempt to handle a message that was attempted, or may have been, before.

        Returns:
            The number of this attempt: 2 the first time.
        """

    @abc.abstractmethod
    async def forget(self, consumer: str, ids: Sequence[UUID]) -> None:
        """Forget attempts of messages that are handled or buried."""

    @abc.abstractmethod
    async def bury(self, letter: DeadLetter) -> None:
        """Keep a message that cannot be handled, once, and mark it."""

    @abc.abstractmethod
    async def buried_keys(self, consumer: str) -> set[str | None]:
        """Return the ordering keys of the dead letters of a consumer."""

    @abc.abstractmethod
    async def share(
        self, consumer: str, member: str, partitions: int, lease: timedelta
    ) -> Collection[int]:
        """Renew what a process holds of the partitions of a consumer, up to its fair share.

        Partitions whose holder has not renewed them within its lease are free.

        Args:
            consumer: the name of the consumer.
            member: the name of the process.
            partitions: the number of partitions, which are shared by all members.
            lease: how long the member keeps them without another call.

        Returns:
            The partitions that the member holds now.
        """

    @abc.abstractmethod
    async def leave(self, consumer: str, member: str) -> None:
        """Give up all partitions of a process."""

    @abc.abstractmethod
    async def prune(self, consumer: str, age: timedelta, limit: int) -> int:
        """Delete marks, attempts and noted offsets that are older than *age*.

        Returns:
            How many were deleted, at most *limit*. Fewer means that no more are left.
        """

    def may_pass(self, failure: BaseException) -> bool:  # noqa: ARG002
        """Tell whether an error is the database's and may pass, such as an outage or a deadlock.

        Such an error counts no attempt. Override it for a database.
        """
        return False
