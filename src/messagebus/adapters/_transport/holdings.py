"""The deliveries that a source holds: given to it, and not settled."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf
from time import monotonic
from typing import Any, Protocol

from ...inbox.delivery import Delivery


class AnyPlace(Protocol):
    """The place of a message: hashable, and in order."""

    @property
    def partition(self) -> int:
        """The number of the partition."""

    def __lt__(self, other: Any, /) -> bool: ...


class Holdings:
    """Deliveries that are held, and those that wait to be handed out.

    Args:
        hold: how many seconds after it was got a delivery goes to somebody else; None for never.
    """

    def __init__(self, hold: float | None) -> None:
        self._hold = hold
        self._known: dict[AnyPlace, tuple[Delivery, float]] = {}
        self._waiting: list[AnyPlace] = []  # a heap
        self._queued: set[AnyPlace] = set()  # the same places

    @property
    def waiting(self) -> bool:
        """Whether a delivery waits to be handed out."""
        return bool(self._waiting)

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Add deliveries that wait; older ones of the same entries are not held any more."""
        now = monotonic()
        for each in deliveries:
            place: AnyPlace = each.receipt
            self._known[place] = each, now
            if place not in self._queued:
                self._queued.add(place)
                heapq.heappush(self._waiting, place)

    def hand_out(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Add deliveries, and hand them out before any that wait."""
        now = monotonic()
        for each in deliveries:
            self._known[each.receipt] = each, now
        return deliveries

    def knows(self, place: AnyPlace) -> bool:
        """Tell whether an entry is held or waits."""
        return place in self._known

    def take(self, limit: int) -> list[Delivery]:
        """Hand out deliveries that wait, in order."""
        taken: list[Delivery] = []
        oldest = self._oldest()
        while self._waiting and len(taken) < limit:
            place = heapq.heappop(self._waiting)
            self._queued.discard(place)
            delivery, since = self._known[place]
            if since > oldest:
                taken.append(delivery)
            else:
                del self._known[place]
        return taken

    def held(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Return those deliveries that were handed out and are held."""
        oldest = self._oldest()
        found: list[Delivery] = []
        for each in deliveries:
            known = self._known.get(each.receipt)
            if known is not None and known[0] is each and known[1] > oldest:
                found.append(each)
        return found

    def select(self, deliveries: Iterable[Delivery]) -> Iterator[tuple[int, list[Delivery]]]:
        """Yield partitions with those of the deliveries that nothing has replaced."""
        found: dict[int, list[Delivery]] = {}
        for each in deliveries:
            if self._known.get(each.receipt, (None, 0.0))[0] is each:
                found.setdefault(each.partition, []).append(each)
        yield from found.items()

    def extend(self, deliveries: Sequence[Delivery], begin: float) -> None:
        """Let the time of deliveries begin again."""
        for each in deliveries:
            if each.receipt in self._known:
                self._known[each.receipt] = each, begin

    def all(self) -> list[Delivery]:
        """Return all deliveries."""
        return [delivery for delivery, _ in self._known.values()]

    def drop(self, deliveries: Iterable[Delivery]) -> None:
        """Forget deliveries."""
        for each in deliveries:
            self._known.pop(each.receipt, None)

    def keep(self, partitions: Collection[int]) -> None:
        """Forget what is of other partitions."""
        self._known = {
            place: held for place, held in self._known.items() if place.partition in partitions
        }
        self._waiting = [place for place in self._waiting if place in self._known]
        heapq.heapify(self._waiting)
        self._queued = set(self._waiting)

    def clear(self) -> None:
        """Forget everything."""
        self.keep(())

    def _oldest(self) -> float:
        """Return when what is still held was got at the earliest."""
        return -inf if self._hold is None else monotonic() - self._hold
