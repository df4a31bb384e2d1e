"""The layers of a graph: which nodes stand side by side, in which order."""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

Edge = tuple[int, int]


class Layers(NamedTuple):
    """A graph in layers, in which each edge leads to the next layer.

    Attributes:
        rows: the nodes of each layer, from left to right. Where an edge leads farther, it passes
            through bends: nodes of their own, with numbers after those of all others.
        chains: the nodes on the way of each edge, from its upper to its lower end.
        reversed: the edges that lead upwards, because they close a circle.
    """

    rows: list[list[int]]
    chains: dict[Edge, list[int]]
    reversed: set[Edge]


def arrange(widths: Sequence[float], edges: Iterable[Edge], limit: float) -> Layers:
    """Arrange the nodes of a connected graph in layers.

    Args:
        widths: the width of each node.
        edges: pairs of nodes; none leads to its own beginning.
        limit: the width of nodes from which on a layer is full.
    """
    edges = [*edges]
    reversed_edges = _closing(len(widths), edges)
    downward = [(b, a) if (a, b) in reversed_edges else (a, b) for a, b in edges]
    below: dict[int, list[int]] = {node: [] for node in range(len(widths))}
    for upper, lower in downward:
        below[upper].append(lower)
    layer_of = _layers(widths, below, limit)
    rows: list[list[int]] = [[] for _ in range(max(layer_of) + 1)]
    for node, layer in enumerate(layer_of):
        rows[layer].append(node)
    chains = {}
    bend = len(widths)
    for edge, (upper, lower) in zip(edges, downward, strict=True):
        between = range(layer_of[upper] + 1, layer_of[lower])
        chains[edge] = [upper, *range(bend, bend + len(between)), lower]
        for layer in between:
            rows[layer].append(bend)
            bend += 1
    return Layers(_untangled(rows, chains.values()), chains, reversed_edges)


def neighbours_of(
    chains: Iterable[Sequence[int]],
) -> tuple[defaultdict[int, list[int]], defaultdict[int, list[int]]]:
    """Return the nodes above and below each node, along the lines."""
    up: defaultdict[int, list[int]] = defaultdict(list)
    down: defaultdict[int, list[int]] = defaultdict(list)
    for chain in chains:
        for upper, lower in pairwise(chain):
            down[upper].append(lower)
            up[lower].append(upper)
    return up, down


def _closing(count: int, edges: Sequence[Edge]) -> set[Edge]:
    """Return edges without which there is no circle."""
    after: defaultdict[int, list[int]] = defaultdict(list)
    has_cause = set()
    for a, b in edges:
        after[a].append(b)
        has_cause.add(b)
    closing: set[Edge] = set()
    done: set[int] = set()
    # What nothing leads to comes first, so that lines lead down from there.
    for start in sorted(range(count), key=lambda node: node in has_cause):
        path = {start: iter(after[start])}
        if start in done:
            continue
        while path:
            node = next(reversed(path))
            for other in path[node]:
                if other in path:
                    closing.add((node, other))
                elif other not in done:
                    path[other] = iter(after[other])
                    break
            else:
                done.add(node)
                del path[node]
    return closing


def _layers(widths: Sequence[float], below: Mapping[int, Sequence[int]], limit: float) -> list[int]:
    """Return the layer of each node, counted from the top."""
    above: defaultdict[int, list[int]] = defaultdict(list)
    for node, lower in below.items():
        for each in lower:
            above[each].append(node)
    order = _children_first(below, above)
    height: dict[int, int] = {}
    used: defaultdict[int, float] = defaultdict(float)

    def is_full(level: int, width: float) -> bool:
        return used[level] > 0 and used[level] + width > limit

    # From the bottom, so that each node comes right above what it leads to.
    for node in order:
        level = 1 + max((height[each] for each in below[node]), default=-1)
        while is_full(level, widths[node]):
            level += 1
        height[node] = level
        used[level] += widths[node]
    # What leads nowhere need not stay at the bottom.
    for node in order:
        if not below[node] and above[node]:
            level = min(height[each] for each in above[node]) - 1
            while level > height[node] and is_full(level, widths[node]):
                level -= 1
            used[height[node]] -= widths[node]
            height[node] = level
            used[level] += widths[node]
    levels = {
        level: number for number, level in enumerate(sorted({*height.values()}, reverse=True))
    }
    return [levels[height[node]] for node in range(len(widths))]


def _children_first(
    below: Mapping[int, Sequence[int]], above: Mapping[int, Sequence[int]]
) -> list[int]:
    """Return the nodes of a graph without circles, each after all that it leads to."""
    order: dict[int, None] = {}
    for start in (node for node in below if not above[node]):
        waiting = [(start, iter(below[start]))]
        while waiting:
            node, rest = waiting[-1]
            for each in rest:
                if each not in order:
                    waiting.append((each, iter(below[each])))
                    break
            else:
                order[node] = None
                waiting.pop()
    return [*order]


def _untangled(rows: list[list[int]], chains: Iterable[Sequence[int]]) -> list[list[int]]:
    """Return the rows in an order in which few lines cross."""
    up, down = neighbours_of(chains)
    best, fewest = rows, _crossings(rows, down)
    for sweep in range(24):
        going_down = sweep % 2 == 0
        neighbours = up if going_down else down
        rows = [*rows]
        numbers = range(1, len(rows)) if going_down else range(len(rows) - 2, -1, -1)
        for number in numbers:
            known = rows[number - 1 if going_down else number + 1]
            place = {node: index for index, node in enumerate(known)}

            stretch = len(known) / len(rows[number])
            middles = {}
            for index, node in enumerate(rows[number]):
                places = [place[each] for each in neighbours[node]]
                middles[node] = sum(places) / len(places) if places else index * stretch
            rows[number] = sorted(rows[number], key=middles.__getitem__)
        crossings = _crossings(rows, down)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _crossings(rows: Sequence[Sequence[int]], down: Mapping[int, Sequence[int]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        place = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(place[each] for each in down.get(node, ()))
            count += sum(len(seen) - bisect(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
