"""The goals for what is stored, and sent from where it is stored."""

from __future__ import annotations

from collections.abc import Iterator

from .contender import BY_HAND, OURS
from .goal import Goal, ratio
from .workloads import finding, relaying, transactions


def durability() -> Iterator[Goal]:
    """Yield the goals."""
    yield from _transactions()
    yield from _relaying()
    yield from _finding()


def _transactions() -> Iterator[Goal]:
    for colour in ("async", "sync"):
        for kind in transactions.KINDS:
            for count in transactions.EVENTS:
                size = transactions.size_of(kind, count)
                yield Goal(
                    workload="transactions",
                    text=f"{colour}, {size}, of the same inserts by hand",
                    limit=1.25,
                    value=ratio("transactions", colour, (OURS, size), (BY_HAND, size)),
                )


def _relaying() -> Iterator[Goal]:
    for colour, brokers in relaying.KINDS.items():
        for broker in brokers:
            batches = relaying.size_of(broker, relaying.BATCH)
            yield Goal(
                workload="relaying",
                text=f"{colour}, {batches}, of claiming, sending and marking by hand",
                limit=1.5,
                value=ratio("relaying", colour, (OURS, batches), (BY_HAND, batches)),
            )
            single = relaying.size_of(broker, 1)
            yield Goal(
                workload="relaying",
                text=f"{colour}, {batches}, faster than by hand one by one",
                limit=8.0,
                bound="at least",
                value=ratio("relaying", colour, (BY_HAND, single), (OURS, batches)),
            )


def _finding() -> Iterator[Goal]:
    for kind in finding.KINDS:
        few = finding.size_of(kind, finding.FEW)
        for count in (finding.SOME, finding.MANY):
            many = finding.size_of(kind, count)
            yield Goal(
                workload="finding",
                text=f"{many}, of {few}",
                limit=1.2,
                value=ratio("finding", "sync", (OURS, many), (OURS, few)),
            )
