"""Small plots of the recent traffic, as coordinates for a drawing of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .display import duration
from .queries import Passage, Traffic

WIDTH, HEIGHT = 300, 60
_BARS = 30
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot.

    Attributes:
        x: its left edge.
        y: its upper edge.
        width: its width.
        height: its height.
        text: what it stands for.
    """

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its scale.

    Attributes:
        title: what is drawn.
        peak: the value of the highest bar.
        span: how long ago the first bar begins.
        bars: the bars that have a height.
    """

    title: str
    peak: str
    span: str
    bars: Sequence[Bar]


def plots_of(traffic: Traffic) -> Sequence[Plot]:
    """Return the plots of what was stored, what was sent, and how long that took."""
    begin = traffic.now - _LONGEST
    if traffic.since is not None:
        begin = min(max(begin, traffic.since), traffic.now)
    width = max((traffic.now - begin).total_seconds(), 1.0) / _BARS

    def buckets(
        passages: Sequence[Passage], time_of: Callable[[Passage], datetime | None]
    ) -> list[list[Passage]]:
        found: list[list[Passage]] = [[] for _ in range(_BARS)]
        for each in passages:
            time = time_of(each)
            if time is not None and begin <= time:
                index = int((time - begin).total_seconds() / width)
                found[min(index, _BARS - 1)].append(each)
        return found

    stored = [len(each) / width for each in buckets(traffic.stored, lambda each: each.created_at)]
    sent = buckets(traffic.sent, lambda each: each.delivered_at)
    waits = [max((_wait(passage) for passage in each), default=0.0) for each in sent]
    span = duration(width * _BARS)
    return (
        _plot("Stored", stored, _rate, span),
        _plot("Sent", [len(each) / width for each in sent], _rate, span),
        _plot("Longest wait until sent", waits, duration, span),
    )


def _plot(title: str, values: Sequence[float], name: Callable[[float], str], span: str) -> Plot:
    peak = max(values)
    width = WIDTH / _BARS
    bars = []
    for index, value in enumerate(values):
        if value > 0:
            height = max(round(value / peak * HEIGHT, 1), 1.0)
            x, y = round(index * width, 1), round(HEIGHT - height, 1)
            bars.append(Bar(x, y, round(width - 1.5, 1), height, name(value)))
    return Plot(title, name(peak) if peak else "", span, bars)


def _wait(passage: Passage) -> float:
    sent = passage.delivered_at or passage.created_at
    return max((sent - passage.created_at).total_seconds(), 0.0)


def _rate(value: float) -> str:
    if value >= 1:
        return f"{value:,.0f} a second"
    if value >= 1 / 60:
        return f"{value * 60:.0f} a minute"
    return f"{value * 3600:.0f} an hour"
