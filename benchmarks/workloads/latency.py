"""The time from a commit to the arrival of its event in the stream."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from statistics import median, quantiles
from typing import Any

from .._async import latency as waiting
from .._sync import latency as plain
from ..contender import OURS
from ..databases import nats, redis
from ..jetstream import from_nats
from ..measuring import outcome
from ..older import Versions, Worker
from ..run import Reading
from .relaying import KINDS, NATS, REDIS
from .workload import Workload

OBAN = "oban"
ROUNDS = 2  # of all contenders in turns
COUNT = 200
QUICK_COUNT = 20
MEDIAN, LONGEST = "median", "99th percentile"


def size_of(broker: str, figure: str) -> str:
    """Return the label of a broker's figure."""
    return f"{broker}, {figure}"


def figures(times: list[float]) -> Iterator[tuple[str, float]]:
    """Yield the figures of some times."""
    yield MEDIAN, median(times)
    yield LONGEST, quantiles(times, n=100, method="inclusive")[98]


def milliseconds(colour: str, broker: str, count: int) -> list[float]:
    """Commit *count* events one by one; return the time until each was read."""
    if broker == OBAN:
        from ..peers.oban import milliseconds as of_jobs  # may not be installed

        return list(outcome(of_jobs(count)))
    module: Any = waiting if colour == "async" else plain
    if broker == NATS:
        reader, url = from_nats, f"{nats()}?stream=EVENTS&subject=events.{{name}}"
    else:
        reader, url = module.from_redis, f"{redis()}?stream=events&create=true"
    found: list[float] = outcome(module.milliseconds(reader, url, count))
    return found


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    count = QUICK_COUNT if quick else COUNT
    turns = [(colour, broker) for colour, brokers in KINDS.items() for broker in brokers]
    if find_spec("oban"):
        turns.append(("async", OBAN))
    taken: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
    for _ in range(ROUNDS):
        for turn in turns:
            with Worker(versions.ours) as worker:
                taken[turn] += worker.ask("latency", *turn, count // ROUNDS)
    return [
        Reading(
            workload="latency",
            colour=colour,
            contender=OBAN if broker == OBAN else OURS,
            size=size_of(REDIS if broker == OBAN else broker, figure),
            value=round(value, 2),
            unit="ms",
            text=f"{len(times)} events: {min(times):.1f} to {max(times):.1f} ms",
        )
        for (colour, broker), times in taken.items()
        for figure, value in figures(times)
    ]


WORKLOAD = Workload(
    name="latency",
    title="From the commit to the stream",
    text="An event is committed on PostgreSQL while the relay sleeps and nothing else happens. "
    "The time runs from the return of the commit until a reader that waits for the next message of "
    "the stream has it. The relay polls once an hour: only the notification from the database "
    "wakes it. *oban* enqueues a job for each event in the transaction; its worker does the XADD.",
    cases=(),
    readings=_readings,
)
