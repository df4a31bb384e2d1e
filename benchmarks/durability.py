"""The goals of storing messages and of relaying them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .contender import BY_HAND, OURS
from .goal import Goal, Value, ratio
from .run import Run
from .statistics import Spread, spread
from .workloads import (
    business,
    consuming,
    end_to_end,
    endurance,
    finding,
    latency,
    recovery,
    relaying,
    transactions,
)


def durability() -> Iterator[Goal]:
    """Yield the goals."""
    yield from _transactions()
    yield from _business()
    yield from _relaying()
    yield from _draining()
    yield from _latency()
    yield from _recovery()
    yield from _consuming()
    yield from _end_to_end()
    yield from _endurance()
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


def _business() -> Iterator[Goal]:
    for colour in ("async", "sync"):
        for count in business.EVENTS:
            size = business.size_of(count)
            yield Goal(
                workload="business",
                text=f"{colour}, {size}, of the same inserts by hand through a session",
                limit=1.2,
                value=ratio("business", colour, (OURS, size), (BY_HAND, size)),
            )


def _draining() -> Iterator[Goal]:
    for colour, brokers in relaying.KINDS.items():
        for broker in brokers:
            yield Goal(
                workload="draining",
                text=f"{colour}, {broker}, the rate with the defaults, of that by hand",
                limit=0.9,
                bound="at least",
                value=ratio("draining", colour, (BY_HAND, broker), (OURS, broker)),
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


def _latency() -> Iterator[Goal]:
    for colour, brokers in relaying.KINDS.items():
        for broker in brokers:
            for figure in (latency.MEDIAN, latency.LONGEST):
                size = latency.size_of(broker, figure)
                yield Goal(
                    workload="latency",
                    text=f"{colour}, from the commit to a reader of {size}",
                    limit=50.0,
                    unit="ms",
                    value=_read(colour, size),
                )
    yield Goal(
        workload="latency",
        text=f"async, {latency.MEDIAN} to a reader of {relaying.REDIS}, of {latency.OBAN}",
        limit=1.0,
        value=_of_oban,
    )


def _of_oban(run: Run) -> Spread | None:
    size = latency.size_of(relaying.REDIS, latency.MEDIAN)
    ours = run.read("latency", "async", OURS, size)
    other = run.read("latency", "async", latency.OBAN, size)
    return None if ours is None or other is None else spread([ours.value / other.value])


def _recovery() -> Iterator[Goal]:
    for kind in recovery.KINDS:
        yield Goal(
            workload="recovery",
            text=f"from a SIGKILL of the leader until {kind} sends, {recovery.LONGEST}",
            limit=1.0,
            unit="s",
            value=_read("", recovery.size_of(kind, recovery.LONGEST), "recovery"),
        )


def _consuming() -> Iterator[Goal]:
    bounds = ((BY_HAND, 0.7, "that by hand"), (consuming.FASTSTREAM, 1.0, "FastStream's"))
    for colour, brokers in consuming.READERS.items():
        for broker, kind, batch in product(brokers, consuming.KINDS, consuming.BATCHES):
            size = consuming.size_of(broker, kind, batch)
            for other, limit, words in bounds[: 1 + consuming.has_peer(colour, broker, batch)]:
                yield Goal(
                    workload="consuming",
                    text=f"{colour}, {size}, the rate, of {words}",
                    limit=limit,
                    bound="at least",
                    value=ratio("consuming", colour, (other, size), (OURS, size)),
                )


def _end_to_end() -> Iterator[Goal]:
    for broker in end_to_end.BROKERS:
        size = end_to_end.size_of(broker, latency.MEDIAN)
        yield Goal(
            workload="end_to_end",
            text=f"from the commit to the effect, {size}",
            limit=10.0,
            unit="ms",
            value=_read("async", size, "end_to_end"),
        )


def _endurance() -> Iterator[Goal]:
    yield Goal(
        workload="endurance",
        text="async, growth of a consumer over the last nine tenths",
        limit=4.0,
        unit="MiB",
        value=_read("async", endurance.GROWTH, "endurance"),
    )


def _read(colour: str, size: str, workload: str = "latency") -> Value:
    def value(run: Run) -> Spread | None:
        found = run.read(workload, colour, OURS, size)
        return None if found is None else spread([found.value])

    return value


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
