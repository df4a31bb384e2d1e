"""The promises that must hold, whatever was killed."""

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
        key: what it tells of.
        doomed: whether its transaction was to be rolled back.
    """

    id: str
    key: Key
    doomed: bool

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Read a message as it was sent."""
        payload = json.loads(message["payload"])
        key = (payload["writer"], payload["number"], payload["part"])
        return cls(message["id"], key, payload["doomed"])


@dataclass(frozen=True)
class Result:
    """What a trial has shown.

    Attributes:
        committed: what was committed, for each writer in its order.
        arrivals: what is in the stream, in its order.
        unsent: how many messages are in the database and not marked as sent.
        kills: how many processes and servers were killed.
        lost: how often a relay found that it was too slow for its lease.
        batch_size: how many messages may be sent again for each of these.
        remembers: whether the broker drops what it knows.
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
        """What was committed and has not arrived."""
        return set(self.committed) - {arrival.key for arrival in self.arrivals}

    @property
    def duplicates(self) -> int:
        """How many messages arrived again."""
        return len(self.arrivals) - len({arrival.id for arrival in self.arrivals})

    @property
    def violations(self) -> list[str]:
        """Which promises were broken, and how."""
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
    """Find what arrived for the first time behind something of the same writer that is younger."""
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
