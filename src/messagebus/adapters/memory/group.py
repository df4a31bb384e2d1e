"""The messages in memory that each consumer was given, and those that it has settled."""

from __future__ import annotations

import itertools
import threading
from bisect import insort
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from .._transport.partitions import partition_of


class Handout(NamedTuple):
    """A message that was given to a member.

    Attributes:
        serial: the number of the delivery, which is never used again.
        place: the place of the message in the stream.
        again: whether it was given to somebody before.
    """

    serial: int
    place: int
    again: bool


class Group:
    """The progress of one consumer, shared by its members, which may run in different threads.

    Args:
        stream: the messages, to which others append.
        partitions: the number of partitions.
    """

    def __init__(self, stream: Sequence[Any], partitions: int) -> None:
        self._stream = stream
        self._partitions = partitions
        self._lock = threading.Lock()
        self._serials = itertools.count(1)
        self._read = 0
        self._waiting: list[int] = []  # places, in order
        self._given: set[int] = set()
        self._held: dict[int, tuple[object, int]] = {}

    def take(self, member: object, partitions: Collection[int], limit: int) -> list[Handout]:
        """Give a member the next messages of its partitions."""
        with self._lock:
            self._waiting += range(self._read, len(self._stream))
            self._read = len(self._stream)
            ours = (place for place in self._waiting if self.partition(place) in partitions)
            places = list(itertools.islice(ours, limit))
            handouts = [
                Handout(next(self._serials), place, place in self._given) for place in places
            ]
            taken = set(places)
            self._waiting = [place for place in self._waiting if place not in taken]
            self._given |= taken
            self._held |= {each.serial: (member, each.place) for each in handouts}
            return handouts

    def holds(self, serial: int) -> bool:
        """Tell whether a delivery is neither settled nor given back."""
        return serial in self._held

    def settle(self, serials: Collection[int]) -> None:
        """Take note that deliveries are done."""
        with self._lock:
            for serial in serials:
                self._held.pop(serial, None)

    def release(self, serials: Collection[int]) -> None:
        """Take deliveries back, for any member."""
        with self._lock:
            for serial in serials:
                if serial in self._held:
                    insort(self._waiting, self._held.pop(serial)[1])

    def leave(self, member: object) -> None:
        """Take back all that a member holds."""
        self.release([serial for serial, (each, _) in list(self._held.items()) if each is member])

    def take_over(self, member: object, partitions: Collection[int]) -> None:
        """Take back what others hold of the partitions of a member, and it holds of others."""
        self.release(
            [
                serial
                for serial, (each, place) in list(self._held.items())
                if (each is member) != (self.partition(place) in partitions)
            ]
        )

    def partition(self, place: int) -> int:
        """Return the partition of the message in a place."""
        message = self._stream[place]
        return partition_of(message, self._partitions) if isinstance(message, Mapping) else 0
