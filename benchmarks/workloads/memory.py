"""Memory that handled commands leave behind."""

from __future__ import annotations

from ..contender import OLDER, OURS
from ..older import Versions, Worker
from ..run import Reading
from .workload import Workload

COUNT = 200_000
QUICK_COUNT = 5_000
ENDINGS = ("commit", "rollback", "raise")
PUBLISHING = "with a publisher"


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    """Handle commands in a new process for each ending, and read the memory left behind."""
    count = QUICK_COUNT if quick else COUNT
    found = []
    for name, paths, kinds in (
        (OURS, versions.ours, (False, True)),
        (OLDER, versions.older, (False,)),
    ):
        for colour in ("async", "sync"):
            for publishing in kinds:
                for ending in ENDINGS:
                    if not paths:
                        continue
                    with Worker(paths) as worker:
                        blocks, size = worker.ask("memory", colour, ending, count, publishing)
                    label = f"{ending}, {PUBLISHING}" if publishing else ending
                    text = f"{blocks:.3f} blocks, {size:.1f} bytes for each of {count:_} commands"
                    found.append(
                        Reading(
                            workload="memory",
                            colour=colour,
                            contender=name,
                            size=label,
                            value=round(size * count / 2**20, 2),
                            unit="MiB",
                            text=text.replace("_", " "),
                        )
                    )
    return found


WORKLOAD = Workload(
    name="memory",
    title="Memory left behind",
    text="Growth of the process after the first thousand commands, without garbage. Each command "
    "raises an event, and all transactions end in the same way.",
    cases=(),
    readings=_readings,
)
