"""The time from a SIGKILL of whoever sends until another process sends."""

from __future__ import annotations

from statistics import median

from ..contender import BY_HAND, OURS
from ..older import Versions, Worker
from ..run import Reading
from .workload import Workload

STANDBY, RESTARTED = "a standby", "started again"
KINDS = {STANDBY: True, RESTARTED: False}
MEDIAN, LONGEST = "median", "longest"
ROUNDS = 3  # of all contenders in turns
KILLS = 4
QUICK_KILLS = 1


def size_of(kind: str, figure: str) -> str:
    """Return the label of a figure."""
    return f"{kind}, {figure}"


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    turns = [(name, kind) for kind in KINDS for name in (OURS, BY_HAND)]
    taken: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
    for _ in range(1 if quick else ROUNDS):
        for name, kind in turns:
            with Worker(versions.ours) as worker:
                kills = QUICK_KILLS if quick else KILLS
                taken[name, kind] += worker.ask("recovery", name, kills, KINDS[kind])
    return [
        Reading(
            workload="recovery",
            colour="",
            contender=name,
            size=size_of(kind, figure),
            value=round(value, 2),
            unit="s",
            text=f"{len(times)} kills: {min(times):.2f} to {max(times):.2f} s",
        )
        for (name, kind), times in taken.items()
        for figure, value in ((MEDIAN, median(times)), (LONGEST, max(times)))
    ]


WORKLOAD = Workload(
    name="recovery",
    title="After a SIGKILL of the leader",
    text="The process that sends is killed, and an event is committed on PostgreSQL. The time runs "
    "from the kill until the event is in a Redis stream. Either a standby takes over, or a process "
    "is started after the kill; then the time runs from its first line of log. The relay has its "
    "defaults, a lease of 15 s among them. *By hand* are two processes that send at the same time, "
    "each batch within a transaction, and in no order.",
    cases=(),
    readings=_readings,
)
