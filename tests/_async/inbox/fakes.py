"""A source and an inbox in memory, whose failures a test decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from messagebus import AsyncAbstractUnitOfWork, Message, MessageSerializer
from messagebus.exceptions import TransportUnavailableError
from messagebus.inbox import AsyncAbstractInbox, AsyncAbstractSource, DeadLetter, Delivery
from tests.running.aio import pause


def delivered(message: Message[Any], **details: Any) -> Delivery:
    """Return a delivery of a message."""
    wire = dict(MessageSerializer().serialize_message(message))
    details.setdefault("redelivered", False)
    return Delivery({**wire, **details.pop("more", {})}, wire["payload"].encode(), **details)


class AsyncPile(AsyncAbstractSource):
    """A source that delivers what a test puts on it.

    Attributes:
        waiting: what is to be delivered.
        settled: what was settled, in order.
        released: what was given back.
        extended: the number of calls of *extend*.
        limits: the limit of each *receive*.
        waits: the longest wait of each, in seconds.
        down: the error that every call raises, if any.
    """

    def __init__(self, *deliveries: Delivery, partitions: int = 0) -> None:
        self.partitions = partitions
        self.waiting = deque(deliveries)
        self.settled: list[Delivery] = []
        self.released: list[Delivery] = []
        self.lost: set[int] = set()
        self.assigned: list[tuple[int, ...]] = []
        self.extended: list[int] = []
        self.limits: list[int] = []
        self.waits: list[float] = []
        self.down: Exception | None = None
        self.connections = self.closings = 0

    def _ensure_up(self) -> None:
        if self.down is not None:
            raise self.down

    async def connect(self) -> None:
        """Count the connections."""
        self._ensure_up()
        self.connections += 1

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return what waits."""
        self._ensure_up()
        self.limits.append(limit)
        self.waits.append(wait)
        if not self.waiting:
            await pause(min(wait, 0.01))
        return [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Note what is settled."""
        self._ensure_up()
        self.settled.extend(deliveries)

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Note what is given back."""
        self._ensure_up()
        self.released.extend(deliveries)

    async def extend(self, deliveries: Sequence[Delivery]) -> None:
        """Note how many are extended."""
        self._ensure_up()
        self.extended.append(len(deliveries))

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those whose partition was not lost."""
        return [each for each in deliveries if each.partition not in self.lost]

    async def assign(self, partitions: Collection[int]) -> None:
        """Note the partitions."""
        self.assigned.append(tuple(partitions))

    async def close(self) -> None:
        """Count the closings."""
        self.closings += 1


def away() -> TransportUnavailableError:
    """Return the error of a broker that is away."""
    return TransportUnavailableError("the broker is away")


class DatabaseAwayError(Exception):
    """The error of a database that is away."""


class Store:
    """What was committed.

    Attributes:
        marks: the marked messages, by consumer.
        attempts: the attempts of each message.
        letters: the dead letters.
        effects: what handlers have done.
        noted: the offsets in hand, by log.
        noting: the number of effects of each commit that has noted offsets.
        down: whether the database is away.
        lost_answers: the number of commits whose answers will be lost.
        on_loss: called when an answer is lost.
        entered: the number of transactions.
    """

    def __init__(self) -> None:
        self.marks: set[tuple[str, UUID]] = set()
        self.attempts: dict[UUID, int] = {}
        self.letters: list[DeadLetter] = []
        self.effects: list[Any] = []
        self.noted: dict[str, range] = {}
        self.noting: list[int] = []
        self.shares: list[Collection[int]] = []
        self.left: list[str] = []
        self.pruned: list[timedelta] = []
        self.down = False
        self.refuses_letters = False
        self.entered = self.commits = self.lost_answers = 0
        self.on_loss: Callable[[], None] = lambda: None


class AsyncStoreInbox(AsyncAbstractInbox):
    """An inbox whose changes take effect with the commit."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.marks: set[tuple[str, UUID]] = set()
        self.attempts: dict[UUID, int | None] = {}
        self.letters: list[DeadLetter] = []
        self.noted: dict[str, range] = {}

    def ensure_up(self) -> None:
        """Fail if the database is away."""
        if self.store.down:
            raise DatabaseAwayError("the database is away")

    async def mark(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Mark messages."""
        self.ensure_up()
        await pause(0)  # as for the answer of a database
        fresh = {id for id in ids if (consumer, id) not in self.store.marks}
        self.marks |= {(consumer, id) for id in fresh}
        return fresh

    async def marked(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those that are marked."""
        self.ensure_up()
        return {id for id in ids if (consumer, id) in self.store.marks | self.marks}

    async def note(self, consumer: str, held: Mapping[str, range]) -> Mapping[str, range]:
        """Note offsets."""
        self.ensure_up()
        before = {**self.store.noted, **self.noted}
        self.noted |= held
        return {log: before[log] for log in held if log in before}

    async def begin_attempt(self, consumer: str, id: UUID) -> int:
        """Count an attempt."""
        self.ensure_up()
        attempts = self.store.attempts.get(id, 1) + 1
        self.attempts[id] = attempts
        return attempts

    async def forget(self, consumer: str, ids: Sequence[UUID]) -> None:
        """Forget attempts."""
        self.attempts |= dict.fromkeys(ids)

    async def bury(self, letter: DeadLetter) -> None:
        """Keep a dead letter."""
        self.ensure_up()
        if self.store.refuses_letters:
            raise DatabaseAwayError("no letters today")
        self.letters.append(letter)
        self.marks.add((letter.consumer, letter.message_id))
        self.attempts[letter.message_id] = None

    async def buried_keys(self, consumer: str) -> set[str | None]:
        """Return the keys of the letters."""
        return {(letter.wire or {}).get("ordering_key") for letter in self.store.letters}

    async def share(
        self,
        consumer: str,
        member: str,
        partitions: int,
        lease: timedelta,
    ) -> Collection[int]:
        """Return the shares that the test decides, the last one for ever."""
        self.ensure_up()
        shares = self.store.shares
        if not shares:
            return range(partitions)
        return shares.pop(0) if len(shares) > 1 else shares[0]

    async def leave(self, consumer: str, member: str) -> None:
        """Note who has left."""
        self.ensure_up()
        self.store.left.append(member)

    async def prune(self, consumer: str, age: timedelta, limit: int) -> int:
        """Note the age."""
        self.store.pruned.append(age)
        return 0

    def may_pass(self, failure: BaseException) -> bool:
        """Tell whether the database is away."""
        return isinstance(failure, DatabaseAwayError)


class AsyncStoreWork(AsyncAbstractUnitOfWork[Any]):
    """A unit of work over a store, with or without an inbox."""

    inbox: AsyncStoreInbox

    def __init__(self, store: Store, *, has_inbox: bool = True) -> None:
        self.store = store
        self.effects: list[Any] = []
        self.pending = AsyncStoreInbox(store)
        if has_inbox:
            self.inbox = self.pending
        store.entered += 1

    async def commit(self) -> None:
        """Make everything that was done permanent."""
        self.pending.ensure_up()
        store, done = self.store, self.pending
        store.commits += 1
        store.effects += self.effects
        store.marks |= done.marks
        store.letters += done.letters
        if done.noted:
            store.noted |= done.noted
            store.noting.append(len(self.effects))
        for id, attempts in done.attempts.items():
            if attempts is None:
                store.attempts.pop(id, None)
            else:
                store.attempts[id] = attempts
        if store.lost_answers:
            store.lost_answers -= 1
            store.on_loss()
            raise DatabaseAwayError("the connection is closed")

    async def rollback(self) -> None:
        """Drop what was done."""
        self.effects = []
