"""Memory of a consumer over many messages."""

from __future__ import annotations

from ..contender import OURS
from ..older import Versions, Worker
from ..run import Reading
from .workload import Workload

COUNT, QUICK_COUNT = 50_000, 2_000  # messages of a sample
SAMPLES = 20
GROWTH = "growth"


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    """Read the memory while messages are consumed; what the first tenth leaves is start-up."""
    count = QUICK_COUNT if quick else COUNT
    with Worker(versions.ours) as worker:
        samples = worker.ask("endurance", count, SAMPLES)
    first, last = samples[SAMPLES // 10 - 1], samples[-1]
    sizes = ", ".join(f"{size / 2**20:.1f}" for _, size in samples)
    total = f"{count * SAMPLES:_}".replace("_", " ")
    return [
        Reading(
            workload="endurance",
            colour="async",
            contender=OURS,
            size=GROWTH,
            value=round((last[1] - first[1]) / 2**20, 2),
            unit="MiB",
            text=f"{total} messages, {last[0] - first[0]:+} blocks; MiB after each twentieth of "
            f"them: {sizes}",
        )
    ]


WORKLOAD = Workload(
    name="endurance",
    title="Memory of a consumer over a million messages",
    text="Growth of a process that consumes a Redis stream and marks each message in an inbox on "
    "SQLite, 100 in a transaction, after the first tenth of the messages and without garbage. A "
    "quick run takes 40 000 messages.",
    cases=(),
    readings=_readings,
)
