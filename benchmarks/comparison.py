"""Compares two runs."""

from __future__ import annotations

from .run import Measurement, Run
from .statistics import Spread, ratios, spread


def compare(before: Run, after: Run) -> str:
    """Return a table of the measurements that both runs have.

    The figures are ratios to the work by hand where there is any, since the machine may be faster
    in one run than in the other. A change is shown only where the quartiles do not overlap.
    """
    lines = [
        "| workload | | | before | after | change |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for one in before.measurements:
        other = after.find(*one.key)
        if other is None:
            continue
        old, new = _figure(before, one), _figure(after, other)
        changed = new.median / old.median - 1
        apart = new.low > old.high or new.high < old.low
        lines.append(
            f"| {one.workload} {one.colour} | {one.contender} | {one.size} "
            f"| {old.median:.3g} | {new.median:.3g} | {f'{changed:+.0%}' if apart else '='} |"
        )
    return "\n".join(lines) + "\n"


def _figure(run: Run, each: Measurement) -> Spread:
    """Return the ratio to the work by hand; for the work by hand, the time in microseconds."""
    floor = run.floor_of(each)
    if floor is None or floor is each:
        return spread([time / 1e3 for time in each.times])
    return spread(ratios(each.times, floor.times))
