"""The places of boxes and lines, from top to bottom.

Boxes of one layer begin at the same height. A line leaves a box at its lower edge, goes straight
down to the end of the layer, and bends only in the gap between two layers, where there is no box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

from .layers import Edge, Layers, arrange
from .packing import Area, pack
from .spacing import middles_of

Point = tuple[float, float]

_BETWEEN = 28.0  # from a box to the next of its layer
_BEND = 4.0  # the width that a line takes between two boxes
_GAP = 44.0  # the least height between two layers, and between two parts
_TALLEST_GAP = 150.0
_PORTS = 18.0  # the most from a line to the next at the edge of a box
_LOOP = 30.0  # to the right of a box that leads to itself
_NARROWEST = 1_100.0
_FLATNESS = 3.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box, by its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line from box to box.

    Attributes:
        source: the box where it begins.
        target: the box that it leads to.
        points: from the upper to the lower end; from the first to the second point and so on in
            turns straight and bent. Of a box that leads to itself, two points on its right edge.
        is_upward: whether it leads from the lower to the upper end, because it closes a circle.
    """

    source: str
    target: str
    points: Sequence[Point]
    is_upward: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes and lines, and the size of all of it."""

    boxes: Mapping[str, Box]
    lines: Sequence[Line]
    width: float
    height: float


class _Part(NamedTuple):
    """A part of a map that lines connect, with the areas that it takes."""

    boxes: Mapping[str, Box]
    lines: Sequence[Line]
    footprint: Sequence[Area]


def place(sizes: Mapping[str, tuple[float, float]], edges: Iterable[tuple[str, str]]) -> Layout:
    """Place boxes and lines.

    Args:
        sizes: the width and the height of each box.
        edges: pairs of boxes, each with a line from the first to the second.
    """
    edges = sorted({*edges})
    area = sum((width + _BETWEEN) * (height + _GAP) for width, height in sizes.values())
    limit = max(_NARROWEST, sqrt(_FLATNESS * area))
    parts = [_place_part(part, sizes, edges, limit) for part in _parts(sizes, edges)]
    return _join(parts, limit)


def _parts(sizes: Mapping[str, object], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the connected parts of a graph."""
    beside: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    seen: set[str] = set()
    parts = []
    for start in sizes:
        if start in seen:
            continue
        part, waiting = [], [start]
        seen.add(start)
        while waiting:
            node = waiting.pop()
            part.append(node)
            new = [each for each in dict.fromkeys(beside[node]) if each not in seen]
            seen.update(new)
            waiting += reversed(new)
        parts.append(part)
    return parts


def _place_part(
    part: Sequence[str],
    sizes: Mapping[str, tuple[float, float]],
    edges: Iterable[tuple[str, str]],
    limit: float,
) -> _Part:
    number = {key: index for index, key in enumerate(part)}
    own = [(a, b) for a, b in edges if a in number]
    loops = {a for a, b in own if a == b}
    widths = [sizes[key][0] + (_LOOP if key in loops else 0.0) for key in part]
    between = [(number[a], number[b]) for a, b in own if a != b]
    layers = arrange(widths, between, limit)
    rows = layers.rows
    bends = sum(map(len, rows)) - len(part)
    widths += [_BEND] * bends
    middles = middles_of(rows, layers.chains.values(), widths, len(part), _BETWEEN)
    ports = _ports(layers, middles, widths, [sizes[key][0] for key in part])
    heights = [
        max((sizes[part[node]][1] for node in row if node < len(part)), default=0.0) for row in rows
    ]
    tops = _tops(len(rows), ports, heights)
    row_of = {node: index for index, row in enumerate(rows) for node in row}
    boxes = {}
    for node, key in enumerate(part):
        left = middles[node] - widths[node] / 2
        boxes[key] = Box(left, tops[row_of[node]], *sizes[key])
    lines = []
    for (a, b), chain in layers.chains.items():
        points: list[Point] = []
        for upper in chain[:-1]:
            row = row_of[upper]
            start, end = ports[a, b, row]
            if upper < len(part):
                points.append((start, tops[row] + sizes[part[upper]][1]))
            points += [(start, tops[row] + heights[row]), (end, tops[row + 1])]
        lines.append(Line(part[a], part[b], points, (a, b) in layers.reversed))
    for key in sorted(loops):
        box = boxes[key]
        right = box.x + box.width
        ends = [(right, box.y + 12.0), (right, box.y + min(box.height - 6.0, 36.0))]
        lines.append(Line(key, key, ends, is_upward=False))
    return _Part(boxes, lines, _footprint(rows, middles, widths, tops, heights))


def _ports(
    layers: Layers,
    middles: Mapping[int, float],
    widths: Sequence[float],
    box_widths: Sequence[float],
) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Return where each line begins and ends in each gap, by its nodes and the upper row."""
    row_of = {node: index for index, row in enumerate(layers.rows) for node in row}
    starts: defaultdict[int, list[tuple[float, Edge]]] = defaultdict(list)
    ends: defaultdict[int, list[tuple[float, Edge]]] = defaultdict(list)
    for edge, chain in layers.chains.items():
        starts[chain[0]].append((middles[chain[1]], edge))
        ends[chain[-1]].append((middles[chain[-2]], edge))
    begin: dict[Edge, float] = {}
    finish: dict[Edge, float] = {}
    for found, lines in ((begin, starts), (finish, ends)):
        for node, others in lines.items():
            middle = middles[node] - (widths[node] - box_widths[node]) / 2
            step = min(_PORTS, box_widths[node] * 0.8 / len(others))
            for index, (_, edge) in enumerate(sorted(others)):
                found[edge] = middle + (index - (len(others) - 1) / 2) * step
    ports = {}
    for edge, chain in layers.chains.items():
        places = [begin[edge], *(middles[node] for node in chain[1:-1]), finish[edge]]
        for upper, pair in zip(chain, pairwise(places), strict=False):
            ports[*edge, row_of[upper]] = pair
    return ports


def _tops(
    rows: int, ports: Mapping[tuple[int, int, int], tuple[float, float]], heights: Sequence[float]
) -> list[float]:
    """Return where each row begins: the farther lines go sideways in a gap, the higher it is."""
    spans = [0.0] * rows
    for (_, _, row), (start, end) in ports.items():
        spans[row] = max(spans[row], abs(start - end))
    tops = [0.0]
    for row in range(rows - 1):
        gap = min(max(_GAP, spans[row] * 0.2), _TALLEST_GAP)
        tops.append(tops[row] + heights[row] + gap)
    return tops


def _footprint(
    rows: Sequence[Sequence[int]],
    middles: Mapping[int, float],
    widths: Sequence[float],
    tops: Sequence[float],
    heights: Sequence[float],
) -> list[Area]:
    """Return the areas that the rows of a part take, each down to the next one."""
    lefts = [middles[row[0]] - widths[row[0]] / 2 for row in rows]
    rights = [middles[row[-1]] + widths[row[-1]] / 2 for row in rows]
    areas = []
    for number, (top, height) in enumerate(zip(tops, heights, strict=True)):
        areas.append(Area(lefts[number], top, rights[number], top + height))
        if number + 1 < len(rows):  # lines cross the gap between both
            left, right = min(lefts[number : number + 2]), max(rights[number : number + 2])
            areas.append(Area(left, top + height, right, tops[number + 1]))
    return areas


def _join(parts: Sequence[_Part], limit: float) -> Layout:
    """Put the parts of a map beside and below each other."""
    boxes: dict[str, Box] = {}
    lines: list[Line] = []
    moves = pack([part.footprint for part in parts], limit, _BETWEEN, _GAP)
    for part, (right, down) in zip(parts, moves, strict=True):
        for key, box in part.boxes.items():
            boxes[key] = Box(box.x + right, box.y + down, box.width, box.height)
        for line in part.lines:
            points = [(x + right, y + down) for x, y in line.points]
            lines.append(Line(line.source, line.target, points, line.is_upward))
    areas = [
        Area(area.left + right, area.top + down, area.right + right, area.bottom + down)
        for part, (right, down) in zip(parts, moves, strict=True)
        for area in part.footprint
    ]
    width = max((area.right for area in areas), default=0.0)
    return Layout(boxes, lines, width, max((area.bottom for area in areas), default=0.0))
