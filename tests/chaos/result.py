"""The promises that must hold after any kill."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .ledger import Key, parts_of


@dataclass(frozen=True)
class Arrival:
    """A message in the stream.

    Attributes:
        id: its identifier.
        key: its entry.
        doomed: whether its transaction was to be rolled back.
    """

    id: str
    key: Key
    doomed: bool

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Parse a sent message."""
        payload = json.loads(message["payload"])
        key = (payload["writer"], payload["number"], payload["part"])
        return cls(message["id"], key, payload["doomed"])


@dataclass(frozen=True)
class Result:
    """The result of a trial.

    Attributes:
        committed: the committed entries, in order for each writer.
        arrivals: the messages in the stream, in order.
        unsent: the number of messages in the database that are not marked as sent.
        kills: the number of processes and servers that were killed.
        lost: the number of times that a relay lost its lease.
        batch_size: the number of messages that each of these may send again.
        remembers: whether the broker drops duplicates.
    """

    committed: Sequence[Key]
    arrivals: Sequence[Arrival]
    unsent: int
    kills: int
    lost: int
    batch_size: int
    remembers: bool = False

    @property
    def missing(self) -> set[Key]:
        """The committed entries that have not arrived."""
        return set(self.committed) - {arrival.key for arrival in self.arrivals}

    @property
    def duplicates(self) -> int:
        """The number of repeated messages."""
        return len(self.arrivals) - len({arrival.id for arrival in self.arrivals})

    @property
    def violations(self) -> list[str]:
        """Descriptions of the broken promises."""
        return [text for text, amiss in self._promises() if amiss]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.lost} lost leases, {len(self.committed)} committed, "
            f"{len(self.arrivals)} sent, {self.duplicates} duplicates, {len(self.missing)} missing"
        )

    def _promises(self) -> Iterable[tuple[str, object]]:
        keys = {arrival.key for arrival in self.arrivals}
        yield f"missing: {sorted(self.missing)}", self.missing
        invented = keys - set(self.committed)
        yield f"sent, and never committed: {sorted(invented)}", invented
        doomed = [arrival for arrival in self.arrivals if arrival.doomed]
        yield f"sent, and rolled back: {doomed}", doomed
        halves = _halves(self.committed)
        yield f"transactions with some of their parts: {halves}", halves
        ids = defaultdict(set)
        for arrival in self.arrivals:
            ids[arrival.key].add(arrival.id)
        several = {key: found for key, found in ids.items() if len(found) > 1}
        yield f"sent under several identifiers: {several}", several
        excused = 0 if self.remembers else self.batch_size * (self.kills + self.lost)
        many = self.duplicates > excused
        yield f"{self.duplicates} duplicates, of which {excused} are excused", many
        disorder = _disorder(self.arrivals)
        yield f"in another order than they were committed: {disorder}", disorder
        yield f"{self.unsent} not marked as sent", self.unsent


def _halves(committed: Iterable[Key]) -> dict[tuple[int, int], int]:
    parts = Counter((writer, number) for writer, number, _ in committed)
    return {each: count for each, count in parts.items() if count != parts_of(each[1])}


def _disorder(arrivals: Iterable[Arrival]) -> list[tuple[Key, Key]]:
    """Return the entries that first arrived after a later entry of the same writer."""
    latest: dict[int, Key] = {}
    known: set[Key] = set()
    found = []
    for key in (arrival.key for arrival in arrivals):
        writer = key[0]
        if key not in known and key < latest.get(writer, key):
            found.append((latest[writer], key))
        known.add(key)
        latest[writer] = max(latest.get(writer, key), key)
    return found
