"""Draws a run as an SVG chart: a dot for each contender, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .run import Measurement, Run
from .workloads import workload

PANELS = (
    ("dispatch", "async", ""),
    ("dispatch", "sync", ""),
    ("building", "async", ""),
    ("cascade", "async", "1 000 events"),
    ("dependencies", "async", ""),
    ("dependencies", "sync", ""),
)
"""Workload, colour and size of each row."""

WIDTH, LEFT, RIGHT = 760, 190, 90
ROW, HEAD, GAP = 20, 44, 18

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 13px; }
.tick, .value { fill: #57606a; font-size: 11px; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.peer { fill: #8c959f; stroke: #8c959f; }
.older { fill: #bf8700; stroke: #bf8700; }
.floor { fill: #57606a; stroke: #57606a; }
.ours { fill: #0969da; stroke: #0969da; }
.paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .tick, .value { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .ours { fill: #4493f8; stroke: #4493f8; }
  .floor { fill: #d0d7de; stroke: #d0d7de; }
  .paper { fill: #0d1117; }
}
"""

CLASSES = {"by hand": "floor", "ours": "ours", "older": "older", "peer": "peer"}


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale from one power of ten to another."""

    first: int
    last: int

    @classmethod
    def over(cls, times: Sequence[float]) -> Scale:
        """Return a scale that covers all the times."""
        first, last = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
        return cls(first, max(last, first + 1))

    def x(self, time: float) -> float:
        """Return the horizontal position of a time."""
        share = (math.log10(time) - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> Iterator[float]:
        """Yield the powers of ten on the scale."""
        for power in range(self.first, self.last + 1):
            yield 10.0**power


def chart(run: Run) -> str:
    """Return the chart of a run as SVG."""
    shown = [
        (panel, sorted(rows, key=lambda each: each.time.median))
        for panel in PANELS
        if (rows := _rows(run, *panel))
    ]
    body: list[str] = []
    top = 0
    for panel, rows in shown:
        body += _panel(top, panel, rows)
        top += HEAD + ROW * len(rows) + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
            f'width="{WIDTH}" height="{top}" role="img" '
            'aria-label="Time of one operation in microseconds, each contender">',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{top}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _rows(run: Run, name: str, colour: str, size: str) -> list[Measurement]:
    return [
        each
        for each in run.measurements
        if (each.workload, each.colour, each.size) == (name, colour, size)
    ]


def _panel(top: int, panel: tuple[str, str, str], rows: Sequence[Measurement]) -> Iterator[str]:
    name, colour, size = panel
    scale = Scale.over([bound / 1e3 for each in rows for bound in (each.time.low, each.time.high)])
    title = ", ".join(part for part in (workload(name).title, size, colour) if part)
    yield f'<text class="title" x="12" y="{top + 20}">{escape(title)} (µs)</text>'
    bottom = top + HEAD + ROW * len(rows)
    for tick in scale.ticks():
        x = scale.x(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{top + HEAD - 6}" x2="{x:.1f}" y2="{bottom}"/>'
        yield (
            f'<text class="tick" x="{x:.1f}" y="{top + HEAD - 10}" text-anchor="middle">'
            f"{tick:g}</text>"
        )
    for index, each in enumerate(rows):
        yield from _dot(scale, top + HEAD + ROW * index + ROW // 2, each)


def _dot(scale: Scale, y: int, each: Measurement) -> Iterator[str]:
    low, median, high = (scale.x(bound / 1e3) for bound in each.time)
    kind = CLASSES[each.role]
    value = each.time.median / 1e3
    yield (f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(each.contender)}</text>')
    yield (
        f'<line class="{kind}" stroke-width="3" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>'
    )
    yield f'<circle class="{kind}" cx="{median:.1f}" cy="{y}" r="5"/>'
    yield (f'<text class="value" x="{max(median, high) + 10:.1f}" y="{y + 4}">{value:.3g}</text>')
