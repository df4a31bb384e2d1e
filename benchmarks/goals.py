"""The performance goals, as ratios within one run where possible."""

from __future__ import annotations

from collections.abc import Iterator

from .contender import BY_HAND, OLDER, OURS
from .durability import durability
from .goal import Goal, Value, ratio
from .run import Run
from .statistics import Spread, spread
from .workloads.watching import MIDDLEWARE, NO_PROVIDER

FLAT = 1.1
"""The ratio that counts as flat, where a goal states none."""
GROWTH = 1.0
"""Growth of a process, in mebibytes, that does not count, since memory is allocated in steps."""
DEFINED, MADE = "and a command defined", "and a command and a bus"


def _slowest(workload: str, colour: str, names: tuple[str, ...], under: str) -> Value:
    """Look up the ratio of the slowest of several contenders."""

    def value(run: Run) -> Spread | None:
        found = [run.ratio(workload, colour, (each, ""), (under, "")) for each in names]
        return max((each for each in found if each), key=lambda each: each.median, default=None)

    return value


def _added(name: str, colour: str) -> Value:
    """Look up what something adds to a dispatch, as a multiple of the work by hand."""

    def value(run: Run) -> Spread | None:
        names = (name, OURS, BY_HAND)
        found = [run.find("watching", colour, each) for each in names]
        rounds = zip(*(each.times for each in found if each), strict=True)
        if not all(found):
            return None
        return spread([(more - without) / floor for more, without, floor in rounds])

    return value


def _milliseconds(run: Run) -> Spread | None:
    found = run.find("scanning", "sync", OURS)
    return None if found is None else spread([each / 1e6 for each in found.cpu])


def _read(size: str, beyond: tuple[str, str] | None = None) -> Value:
    """Look up a reading of importing, less another one."""

    def value(run: Run) -> Spread | None:
        ours = run.read("importing", "", OURS, size)
        other = None if beyond is None else run.read("importing", "", *beyond)
        if ours is None:
            return None
        return spread([ours.value - (other.value if other else 0.0)])

    return value


def _growth(colour: str) -> Value:
    """Look up the largest growth of memory over all endings."""

    def value(run: Run) -> Spread | None:
        found = [
            each.value
            for each in run.readings
            if (each.workload, each.colour, each.contender) == ("memory", colour, OURS)
        ]
        return spread([max(found)]) if found else None

    return value


def _goals() -> Iterator[Goal]:
    ways = ("messagebus, Service", "messagebus, Consumer", "messagebus, inject")
    few, many = (OURS, "1 000 events"), (OURS, "200 000 events")
    for colour, limit in (("async", 1.9), ("sync", 2.1)):
        yield Goal(
            workload="dispatch",
            text=f"{colour}, of the work by hand",
            limit=limit,
            value=ratio("dispatch", colour),
        )
        yield Goal(
            workload="dispatch",
            text=f"{colour}, faster than {OLDER}",
            limit=4.0,
            bound="at least",
            value=ratio("dispatch", colour, (OLDER, ""), (OURS, "")),
        )
        yield Goal(
            workload="dispatch",
            text=f"{colour}, of blinker",
            limit=1.0,
            value=ratio("dispatch", colour, under=("blinker", "")),
        )
    for colour in ("async", "sync"):
        yield Goal(
            workload="watching",
            text=f"{colour}, what one middleware adds, of the work by hand",
            limit=0.6,
            value=_added(MIDDLEWARE, colour),
        )
        yield Goal(
            workload="watching",
            text=f"{colour}, OpenTelemetry without a provider, of none",
            limit=FLAT,
            value=ratio("watching", colour, (NO_PROVIDER, ""), (OURS, "")),
        )
    for colour in ("async", "sync"):
        yield Goal(
            workload="building",
            text=f"{colour}, faster than {OLDER}",
            limit=3.0,
            bound="at least",
            value=ratio("building", colour, (OLDER, ""), (OURS, "")),
        )
    built = "only built"
    yield Goal(
        workload="building",
        text="only built, of a model of two fields",
        limit=4.0,
        value=ratio("building", "async", (OURS, built), ("a model of two fields", built)),
    )
    for colour in ("async", "sync"):
        for one in (few, many):
            yield Goal(
                workload="cascade",
                text=f"{colour}, {one[1]}, of the work by hand",
                limit=6.0,
                value=ratio("cascade", colour, one, (BY_HAND, one[1])),
            )
        yield Goal(
            workload="cascade",
            text=f"{colour}, an event of 200 000, of one of 1 000",
            limit=1.25,
            value=ratio("cascade", colour, many, few),
        )
    for colour in ("async", "sync"):
        yield Goal(
            workload="repositories",
            text=f"{colour}, 20 repositories and 20 other attributes, of a single repository",
            limit=3.0,
            value=ratio(
                "repositories",
                colour,
                (OURS, "20 repositories and 20 other attributes"),
                (OURS, "1 repository"),
            ),
        )
    for colour in ("async", "sync"):
        for under, text in ((BY_HAND, "the exit stack by hand"), ("dishka", "dishka")):
            yield Goal(
                workload="dependencies",
                text=f"{colour}, the slowest way, of {text}",
                limit=1.0,
                value=_slowest("dependencies", colour, ways, under),
            )
    for colour in ("async", "sync"):
        yield Goal(
            workload="registry",
            text=f"{colour}, 10 000 types, of one",
            limit=FLAT,
            value=ratio("registry", colour, (OURS, "10 000 types"), (OURS, "1 type")),
        )
    yield Goal(
        workload="scanning",
        text="1 000 handlers, imported already",
        limit=10.0,
        unit="ms",
        value=_milliseconds,
    )
    for size in ("", DEFINED, MADE):
        yield Goal(
            workload="importing",
            text=f"importing it {size}".strip() + ", of importing pydantic and defining a model",
            limit=1.25,
            value=ratio("importing", "", (OURS, size)),
        )
    yield Goal(
        workload="importing",
        text=f"importing it {MADE}, beyond that",
        limit=3.0,
        unit="MiB",
        value=_read(f"memory {MADE}", (BY_HAND, "memory")),
    )
    yield Goal(
        workload="importing",
        text="every public name: adapters, and third-party modules but pydantic and "
        "typing-extensions",
        limit=0,
        unit="modules",
        value=_read("modules and every public name"),
    )
    for colour in ("async", "sync"):
        yield Goal(
            workload="memory",
            text=f"{colour}, growth by the worst ending",
            limit=GROWTH,
            unit="MiB",
            value=_growth(colour),
        )
    yield Goal(
        workload="serialization",
        text="of model_dump_json alone",
        limit=1.5,
        value=ratio("serialization", ""),
    )


GOALS = (*_goals(), *durability())
