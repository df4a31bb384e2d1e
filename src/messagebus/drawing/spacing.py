"""The horizontal places of the nodes of a layered graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from .layers import neighbours_of

_SWEEPS = 12
_SHARE = (0.4, 0.7, 1.0)  # of the distance between boxes: of two lines, of a line and a box


def middles_of(
    rows: Sequence[Sequence[int]],
    chains: Iterable[Sequence[int]],
    widths: Sequence[float],
    boxes: int,
    between: float,
) -> dict[int, float]:
    """Return the middle of each node, as near to its neighbours as the others of its row allow.

    Args:
        rows: the nodes of each row, from left to right.
        chains: the nodes on each line, from row to row.
        widths: the width of each node.
        boxes: how many of the nodes are boxes; those with higher numbers are bends of lines.
        between: the least distance from a box to the next; lines may come nearer.

    Returns:
        The middles, from an edge on the left at 0.
    """
    up, down = neighbours_of(chains)
    gaps = [
        [
            (widths[a] + widths[b]) / 2 + between * _SHARE[(a < boxes) + (b < boxes)]
            for a, b in pairwise(row)
        ]
        for row in rows
    ]
    middles: dict[int, float] = {}
    for row, gap in zip(rows, gaps, strict=True):
        place = -sum(gap) / 2
        for node, step in zip(row, [*gap, 0.0], strict=True):
            middles[node] = place
            place += step
    for sweep in range(_SWEEPS):
        # The last sweeps look at both sides, so that neither side is bent for the other.
        both = sweep >= _SWEEPS - 4
        neighbours = down if sweep % 2 else up
        order = range(len(rows) - 1, -1, -1) if sweep % 2 else range(len(rows))
        for number in order:
            row = rows[number]
            wanted, weights = [], []
            for node in row:
                near = [*up[node], *down[node]] if both else neighbours[node]
                wanted.append(_mean(node, near, middles, boxes))
                weights.append(max(len(near), 0.1) if node < boxes else 4.0)
            middles.update(zip(row, _spread(wanted, weights, gaps[number]), strict=True))
    left = min(middles[row[0]] - widths[row[0]] / 2 for row in rows)
    return {node: middle - left for node, middle in middles.items()}


def _mean(node: int, near: Sequence[int], middles: Mapping[int, float], boxes: int) -> float:
    """Return the mean place of neighbours; bends count more, which keeps long lines straight."""
    weights = [4.0 if each >= boxes and node >= boxes else 1.0 for each in near]
    if not near:
        return middles[node]
    total = sum(middles[each] * weight for each, weight in zip(near, weights, strict=True))
    return total / sum(weights)


def _spread(
    wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]
) -> list[float]:
    """Return the places nearest to the wanted ones, by least squares, that keep the gaps."""
    # Without the gaps, places must not fall: neighbours that would are pooled at their mean.
    offset = 0.0
    pools: list[tuple[float, float, int]] = []  # mean, weight, number of nodes
    offsets = []
    for index, (place, weight) in enumerate(zip(wanted, weights, strict=True)):
        offset += gaps[index - 1] if index else 0.0
        offsets.append(offset)
        mean, count = place - offset, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight += other_weight
            count += other_count
        pools.append((mean, weight, count))
    places = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]
