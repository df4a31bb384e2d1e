"""The records of a member's partitions: those that wait, are held, or are settled."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...inbox.delivery import Delivery
from .._transport.holdings import Holdings
from .progress import Progress


class Records:
    """The records that were received; any thread may use them.

    Attributes:
        partitions: the partitions that the group has given to the member, with their progress.
    """

    def __init__(self) -> None:
        self.partitions: Mapping[int, Progress] = {}
        self._holdings = Holdings(None)
        self._arrived: deque[Delivery] = deque()
        self._lock = threading.Lock()

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
            self._arrived = deque(each for each in self._arrived if each.partition in kept)
            self._holdings.keep(kept)

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Add records that have arrived; those of other partitions are passed over."""
        for each in deliveries:
            progress = self.partitions.get(each.partition)
            if progress is not None and each.receipt.offset < progress.following:
                # The partition has lost its end, and what comes now was never received.
                self.revoke([each.partition])
                self.assign([each.partition])
            with self._lock:
                progress = self.partitions.get(each.partition)
                if progress is not None:
                    progress.receive(each.receipt.offset)
                    self._arrived.append(each)

    def take(self, limit: int) -> Sequence[Delivery]:
        """Hand out records, in order: those that were released come before those that are new."""
        with self._lock:
            if not self._holdings.waiting:
                self._holdings.add(self._arrived)
                self._arrived.clear()
            return self._holdings.take(limit)

    def holds(self, delivery: Delivery) -> bool:
        """Tell whether a record is neither settled nor released, and its partition is here."""
        return self._holdings.holds(delivery)

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
