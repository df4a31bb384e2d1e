"""The time from a commit to the arrival of its event in the stream."""

from __future__ import annotations

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
from .relaying import KINDS, NATS
from .workload import Workload

COUNT = 200
QUICK_COUNT = 20
MEDIAN, LONGEST = "median", "99th percentile"


def size_of(broker: str, figure: str) -> str:
    """Return the label of a broker's figure."""
    return f"{broker}, {figure}"


def milliseconds(colour: str, broker: str, count: int) -> list[float]:
    """Commit *count* events one by one; return the time until each was read."""
    module: Any = waiting if colour == "async" else plain
    if broker == NATS:
        reader, url = from_nats, f"{nats()}?stream=EVENTS&subject=events.{{name}}"
    else:
        reader, url = module.from_redis, f"{redis()}?stream=events&create=true"
    found: list[float] = outcome(module.milliseconds(reader, url, count))
    return found


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    count = QUICK_COUNT if quick else COUNT
    found = []
    for colour, brokers in KINDS.items():
        for broker in brokers:
            with Worker(versions.ours) as worker:
                taken = worker.ask("latency", colour, broker, count)
            text = f"{count} events: {min(taken):.1f} to {max(taken):.1f} ms"
            found += [
                Reading(
                    workload="latency",
                    colour=colour,
                    contender=OURS,
                    size=size_of(broker, figure),
                    value=round(value, 1),
                    unit="ms",
                    text=text,
                )
                for figure, value in (
                    (MEDIAN, median(taken)),
                    (LONGEST, quantiles(taken, n=100, method="inclusive")[98]),
                )
            ]
    return found


WORKLOAD = Workload(
    name="latency",
    title="From the commit to the stream",
    text="An event is committed on PostgreSQL while the relay sleeps and nothing else happens. "
    "The time runs from the return of the commit until a reader that waits for the next message of "
    "the stream has it. The relay polls once an hour: only the notification from the database "
    "wakes it.",
    cases=(),
    readings=_readings,
)
