"""The time from a commit in one service to its effect in another."""

from __future__ import annotations

from ..contender import OURS
from ..measuring import on_all_processors
from ..older import Versions, Worker
from ..run import Reading
from ..streams import REDIS
from .latency import figures
from .workload import Workload

BROKERS = (REDIS,)
COUNT = 200
QUICK_COUNT = 40


def size_of(broker: str, figure: str) -> str:
    """Return the label of a broker's figure."""
    return f"{broker}, {figure}"


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    found = []
    for broker in BROKERS:
        with on_all_processors(), Worker(versions.ours) as worker:
            times = worker.ask("end_to_end", broker, QUICK_COUNT if quick else COUNT)
        found += [
            Reading(
                workload="end_to_end",
                colour="async",
                contender=OURS,
                size=size_of(broker, figure),
                value=round(value, 2),
                unit="ms",
                text=f"{len(times)} events: {min(times):.1f} to {max(times):.1f} ms",
            )
            for figure, value in figures(times)
        ]
    return found


WORKLOAD = Workload(
    name="end_to_end",
    title="From the commit in one service to its effect in another",
    text="An event is committed on PostgreSQL by one process, sent by a relay, read by a consumer "
    "and applied, with its mark in the inbox, to another database on PostgreSQL. The three are "
    "processes of their own: the commands `messagebus relay` and `messagebus consume` with their "
    "defaults. The time runs from the return of the first commit to that of the last one, while "
    "nothing else happens. Unlike all else, these processes and their servers use all processors.",
    cases=(),
    readings=_readings,
)
