"""Renders a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from .goals import GOALS
from .peers import PEERS
from .run import Measurement, Reading, Run
from .statistics import Spread, ratios, spread
from .workloads import NAMES, workload

UNSTEADY = 0.5
"""The distance of its quartiles, as a fraction of the figure, beyond which a figure is noise."""


def report(run: Run, chart: str | None = None) -> str:
    """Return the page.

    Args:
        run: the run.
        chart: the path of the chart, relative to the page.
    """
    parts = [_goals(run)]
    if chart is not None:
        parts.append(f"![Time of one operation, each contender]({chart})")
    parts += [_workload(run, name) for name in NAMES]
    parts.append(_measured_on(run))
    return "\n\n".join(part for part in parts if part) + "\n"


def _goals(run: Run) -> str:
    rows = []
    reached = 0
    for goal in GOALS:
        figure = goal.value(run)
        if figure is None:
            rows.append([goal.workload, goal.text, goal.wanted, "–", "not measured"])
            continue
        steady = figure.relative <= UNSTEADY
        met = steady and goal.met(figure)
        reached += met
        verdict = "met" if met else "**not met**"
        rows.append(
            [
                goal.workload,
                goal.text,
                goal.wanted,
                f"{_range(figure)} {goal.unit}",
                verdict if steady else "too unsteady to tell",
            ]
        )
    head = (
        f"### Goals\n\n{reached} of {len(rows)} goals are met. *Of* another contender means the "
        "time of this package divided by the other's. Quartiles are in brackets.\n\n"
    )
    return head + _table(["workload", "what", "goal", "measured", ""], rows)


def _workload(run: Run, name: str) -> str:
    load = workload(name)
    times = [each for each in run.measurements if each.workload == name]
    readings = [each for each in run.readings if each.workload == name]
    if not times and not readings:
        return ""
    parts = [f"### {load.title}", load.text.replace("``", "`")]
    if times:
        sized = any(each.size for each in times)
        head = ["", *(["with"] if sized else []), "µs", "by hand = 1", "per second"]
        for colour, group in groupby(times, key=lambda each: each.colour):
            rows = [_row(run, each, sized) for each in group]
            parts.append(_table([colour or head[0], *head[1:]], rows, right=len(head) - 3))
    if readings:
        parts.append(_readings(readings))
    return "\n\n".join(parts)


def _row(run: Run, each: Measurement, sized: bool) -> list[str]:
    floor = run.floor_of(each)
    time = each.time
    over = "–" if floor is None else _range(spread(ratios(each.times, floor.times)))
    name = f"**{each.contender}**" if each.role == "ours" else each.contender
    size = [each.size] if sized else []
    return [name, *size, _significant(time.median / 1e3), over, _count(1e9 / time.median)]


def _readings(readings: Sequence[Reading]) -> str:
    rows = []
    for each in readings:
        name = f"**{each.contender}**" if each.contender == "messagebus" else each.contender
        rows.append([each.colour, name, each.size, f"{each.value:g} {each.unit}", each.text])
    return _table(["", "", "what", "value", ""], rows)


def _measured_on(run: Run) -> str:
    machine = run.machine
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    lines = [
        "### Conditions and stability",
        f"{machine['when']}, {machine['python']} ({machine['compiler']}), {machine['system']}, "
        f"{machine['processor']}, {machine['processors']} processors, pinned to one: "
        f"{machine['pinned']}. The run took {machine['minutes']:.1f} minutes.",
        f"Packages: {packages}.",
        "Each figure is the median CPU time over rounds in which all contenders of a table take "
        "turns, each time in a new order, in several processes. A ratio is the median of the "
        "ratios within the rounds. The garbage collector is on. Workloads that wait for a database "
        "or a broker are measured in wall-clock time instead; these servers run on the same "
        "processor.",
        _table(
            ["table", "rounds", "quartiles apart", "processes apart", "by hand", "waited"],
            [_stability(group) for group in run.cases()],
            right=1,
        ),
        "*Quartiles apart* is the distance between the quartiles as a share of the median, for the "
        "contender in the middle. *Processes apart* is the distance between the medians of the "
        "measuring processes, as a share likewise; *by hand* is the same for the work by hand "
        "alone. The same code is not equally fast wherever it happens to lie in memory. *Waited* "
        "is the wall-clock time beyond the CPU time: what the servers took, or other programs.",
        "Where a peer does less or more:\n\n"
        + "\n".join(
            f"- {name}: {peer.difference}."
            for name, peer in PEERS.items()
            if name in machine["packages"]
        ),
    ]
    if run.absent:
        missing = "\n".join(f"- {name}: {reason}" for name, reason in run.absent.items())
        lines.append(f"Not measured:\n\n{missing}")
    return "\n\n".join(lines)


def _stability(group: Sequence[Measurement]) -> list[str]:
    waited = sum(sum(each.wall) for each in group) / sum(sum(each.cpu) for each in group) - 1
    return [
        f"{group[0].workload} {group[0].colour}".strip(),
        " + ".join(str(count) for count in group[0].rounds),
        f"{spread([each.time.relative for each in group]).median:.1%}",
        f"{spread([each.apart for each in group]).median:.1%}",
        f"{group[0].apart:.1%}",
        f"{waited:.1%}",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: int | None = None) -> str:
    """Return a table whose columns from *right* on are right-aligned."""
    first = len(head) if right is None else right
    rule = ["---:" if index >= first else "---" for index in range(len(head))]
    return "\n".join(_lines([head, rule, *rows]))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _range(figure: Spread) -> str:
    median = _significant(figure.median)
    if figure.low == figure.high:
        return median
    return f"{median} ({_significant(figure.low)}–{_significant(figure.high)})"


def _significant(value: float) -> str:
    """Return a figure with three significant digits."""
    if value == 0:
        return "0"
    for limit, digits in ((100, 0), (10, 1), (0, 2)):
        if abs(value) >= limit:
            return f"{value:_.{digits}f}".replace("_", " ")
    return str(value)


def _count(value: float) -> str:
    return f"{round(value, -len(str(int(value))) + 3):_.0f}".replace("_", " ")
