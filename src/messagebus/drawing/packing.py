"""The places of the parts of a map that no line connects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Area(NamedTuple):
    """A rectangle, by its edges."""

    left: float
    top: float
    right: float
    bottom: float


def pack(
    parts: Sequence[Sequence[Area]], limit: float, between: float, gap: float
) -> list[tuple[float, float]]:
    """Put each part as high as it fits, also beside the narrow places of others.

    Args:
        parts: the areas that each part takes, seen from its left upper corner.
        limit: the width of all of it; a part that is wider may exceed it.
        between: the least distance to the next part on the right.
        gap: the least distance to the next part below.

    Returns:
        How far each part is moved to the right and down.
    """
    sizes = [(max(a.right for a in part), max(a.bottom for a in part)) for part in parts]
    limit = max([limit, *(width for width, _ in sizes)])
    moved = [(0.0, 0.0)] * len(parts)
    taken: list[Area] = []
    # The largest first; the others find places beside it.
    for index in sorted(range(len(parts)), key=lambda index: -sizes[index][0] * sizes[index][1]):
        width, height = sizes[index]
        left, top = next(_places(width, height, taken, limit))
        moved[index] = (left, top)
        # From left to right, each as large as what others must stay away from.
        new = (
            Area(
                area.left + left - between,
                area.top + top - gap,
                area.right + left + between,
                area.bottom + top + gap,
            )
            for area in parts[index]
        )
        taken = sorted([*taken, *new])
    return moved


def _places(
    width: float, height: float, taken: Sequence[Area], limit: float
) -> Iterator[tuple[float, float]]:
    """Yield the places for a rectangle, the highest first, then the leftmost."""
    for top in sorted({0.0, *(each.bottom for each in taken)}):
        left = 0.0
        for each in taken:
            if each.top < top + height and top < each.bottom:
                if left + width <= each.left:
                    break
                left = max(left, each.right)
        if left + width <= limit:
            yield left, top
