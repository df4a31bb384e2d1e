"""The records of a member's partitions: those that wait, are held, or are settled."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ...inbox.delivery import Delivery
from .._transport.holdings import Holdings
from .arrival import Arrival
from .progress import Progress


class Records:
    """The records that were received; any thread may use them.

    Args:
        read: makes the delivery of a record. Whoever takes the record calls it: in the thread of
            the member, it would take turns with the handlers for the interpreter.

    Attributes:
        partitions: the partitions that the group has given to the member, with their progress.
    """

    def __init__(self, read: Callable[[Arrival], Delivery]) -> None:
        self.partitions: Mapping[int, Progress] = {}
        self._read = read
        self._holdings = Holdings(None)
        self._arrived: deque[Arrival] = deque()
        self._lock = threading.RLock()

    @property
    def waiting(self) -> int:
        """The number of records that have arrived and were never handed out."""
        return len(self._arrived)

    @property
    def is_behind(self) -> bool:
        """Whether a record that has arrived is not settled."""
        return any(each.is_behind for each in self.partitions.values())

    def assign(self, partitions: Iterable[int]) -> None:
        """Begin with partitions."""
        with self._lock:
            self.partitions = {**self.partitions, **{each: Progress() for each in partitions}}

    def revoke(self, partitions: Iterable[int]) -> None:
        """Forget partitions, and what was received from them."""
        with self._lock:
            gone = set(partitions)
            kept = {number: each for number, each in self.partitions.items() if number not in gone}
            self.partitions = kept
            self._arrived = deque(each for each in self._arrived if each.place.partition in kept)
            self._holdings.keep(kept)

    def add(self, arrivals: Iterable[Arrival]) -> None:
        """Add records that have arrived; those of other partitions are passed over."""
        with self._lock:
            for each in arrivals:
                partition, offset = each.place
                progress = self.partitions.get(partition)
                if progress is not None:
                    if offset < progress.following:
                        # It has lost its end, and what comes now was never received.
                        self.revoke([partition])
                        self.assign([partition])
                        progress = self.partitions[partition]
                    progress.receive(offset)
                    self._arrived.append(each)

    def take(self, limit: int) -> Sequence[Delivery]:
        """Hand out records, in order: those that were released come before those that are new."""
        with self._lock:
            if self._holdings.waiting:
                return self._holdings.take(limit)
            count = min(limit, len(self._arrived))
            return self._holdings.hand_out(
                [self._read(self._arrived.popleft()) for _ in range(count)]
            )

    def held(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return those that are neither settled nor released, and whose partition is here."""
        return self._holdings.held(deliveries)

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Note that records are settled; they are held until they are dropped."""
        with self._lock:
            for partition, held in self._holdings.select(deliveries):
                for each in held:
                    self.partitions[partition].settle(each.receipt.offset)

    def drop(self, deliveries: Iterable[Delivery]) -> None:
        """Hold records no longer."""
        with self._lock:
            for _, held in self._holdings.select(deliveries):
                self._holdings.drop(held)

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Hand records out again."""
        with self._lock:
            for _, held in self._holdings.select(deliveries):
                self._holdings.add(map(replace, held))

    def owed(self) -> dict[int, int]:
        """Return the offsets to commit, by partition."""
        with self._lock:
            owed = {number: each.owed for number, each in self.partitions.items()}
        return {number: offset for number, offset in owed.items() if offset is not None}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Note that offsets are committed."""
        with self._lock:
            for number, offset in offsets.items():
                if number in self.partitions:
                    self.partitions[number].committed = offset
