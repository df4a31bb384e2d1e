"""The drawing of a map as SVG.

Neither a style sheet nor a script is in it, so that it can stand in a page that allows none.
Each text is as wide as it was measured, whatever font a viewer has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from ..description import Description
from .cards import Card, Style, columns, map_of, printable
from .layout import Box, Line, place

_MARGIN = 28.0
_PADDING = 12.0
_COLUMN = 0.602  # of the size of a font whose letters are of one width
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_HEAD = (17.0, 12.0, 12.0, 12.0)  # the sizes of the lines above the map
_SPACING = 1.45


class _Look(NamedTuple):
    size: float
    colour: str
    weight: str = "normal"

    @property
    def height(self) -> float:
        """The height of a line."""
        return round(self.size * _SPACING, 1)


_LOOKS: dict[Style, _Look] = {
    "title": _Look(14.0, "#1a1a1a", "bold"),
    "name": _Look(12.0, "#6a6a6a"),
    "published": _Look(12.0, "#a24b00"),
    "listener": _Look(12.5, "#1a1a1a"),
    "needs": _Look(11.5, "#6a6a6a"),
    "warning": _Look(12.0, "#b00020", "bold"),
}
_COMMAND = ("#e8f0fe", "#3367b0")
_EVENT = ("#eef7ee", "#3f8a45")
_PUBLISHED = "#d06a00"
_LINES = ("#4a6fa5", "#8a5a9e", "#3f8a6d", "#a8672b", "#777777", "#b04a5f", "#5b7f2b", "#2b8296")


def to_svg(description: Description, title: str = "The map of the bus") -> str:
    """Return the map of a bus as SVG, from top to bottom.

    A box is a message, with its listeners and their dependencies. A line leads from a message to
    each that its listeners may raise.

    Args:
        description: the bus.
        title: what stands above the map.

    Returns:
        The drawing, in ASCII, so that it is right in every encoding.
    """
    found = map_of(description)
    cards = {card.path: card for card in found.cards}
    layout = place({path: _size(card) for path, card in cards.items()}, found.edges)
    notes = [
        "Lines lead from a message to those that its listeners may raise, as far as code tells.",
        "Blue boxes are commands, green ones events; an orange edge marks what is published.",
    ]
    if found.place:
        notes.append(f"The listeners are in {found.place}.")
    head = [printable(title), *map(printable, notes)]
    # A margin on the right leaves room for lines from a box to itself.
    width = max(
        layout.width, *(_width(text, size) for text, size in zip(head, _HEAD, strict=False))
    )
    top = _MARGIN + sum(size * _SPACING for size in _HEAD[: len(head)]) + _MARGIN
    parts = [*_head(head), f'<g transform="translate({_MARGIN:g} {top:g})">']
    colours = {path: _LINES[index % len(_LINES)] for index, path in enumerate(sorted(cards))}
    parts += (_line(line, colours[line.source], cards) for line in layout.lines)
    parts += (_box(cards[path], box) for path, box in layout.boxes.items())
    full = (width + 2 * _MARGIN, top + layout.height + _MARGIN)
    size = f'width="{full[0]:.0f}" height="{full[1]:.0f}" viewBox="0 0 {full[0]:.0f} {full[1]:.0f}"'
    svg = "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}">',
            f"<title>{escape(head[0])}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *parts,
            "</g>",
            "</svg>\n",
        ]
    )
    return svg.encode("ascii", "xmlcharrefreplace").decode()


def _size(card: Card) -> tuple[float, float]:
    """Return the width and the height that a card needs."""
    width = max(_width(text, _LOOKS[style].size) for style, text in card.lines)
    height = sum(_LOOKS[style].height for style, _ in card.lines)
    return round(width + 2 * _PADDING, 1), round(height + 2 * _PADDING, 1)


def _width(text: str, size: float) -> float:
    return columns(text) * size * _COLUMN


def _head(lines: Sequence[str]) -> Iterator[str]:
    y = _MARGIN
    for text, size in zip(lines, _HEAD, strict=False):
        y += size * _SPACING
        weight = "bold" if size == _HEAD[0] else "normal"
        yield _text(text, _MARGIN, y - size * 0.3, _Look(size, "#333333", weight))


def _text(text: str, x: float, y: float, look: _Look) -> str:
    """Return a text that begins at a point of its base line."""
    indent = len(text) - len(text.lstrip(" "))
    x += _width(text[:indent], look.size)
    text = text[indent:]
    length = _width(text, look.size)
    if not length:
        return ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{look.size:g}" fill="{look.colour}" '
        f'font-weight="{look.weight}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
    )


def _box(card: Card, box: Box) -> str:
    fill, stroke = _COMMAND if card.kind == "command" else _EVENT
    edge = (
        f'stroke="{_PUBLISHED}" stroke-width="2.5"' if card.is_published else f'stroke="{stroke}"'
    )
    details = escape("\n".join(map(printable, card.details.split("\n"))))
    parts = [
        f"<g data-path={quoteattr(printable(card.path))}>",
        f"<title>{details}</title>",
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="6" fill="{fill}" {edge}/>',
    ]
    y = box.y + _PADDING
    for style, text in card.lines:
        look = _LOOKS[style]
        y += look.height
        parts.append(_text(text, box.x + _PADDING, y - look.size * 0.38, look))
    return "\n".join([*parts, "</g>"])


def _line(line: Line, colour: str, cards: dict[str, Card]) -> str:
    """Return a line with an arrow at the end that it leads to."""
    (x, y), *rest = line.points
    path = f"M{x:.1f} {y:.1f}"
    if line.source == line.target:
        ((end_x, end_y),) = rest
        path += f" C{x + 30:.1f} {y:.1f} {end_x + 30:.1f} {end_y:.1f} {end_x:.1f} {end_y:.1f}"
        arrow = _arrow(end_x, end_y, -1.0, 0.0)
    else:
        for number, ((x, y), (end_x, end_y)) in enumerate(pairwise(line.points)):
            if number % 2 == 0:
                path += f" V{end_y:.1f}"
            else:
                bend = (y + end_y) / 2
                path += f" C{x:.1f} {bend:.1f} {end_x:.1f} {bend:.1f} {end_x:.1f} {end_y:.1f}"
        tip = line.points[0] if line.is_upward else line.points[-1]
        arrow = _arrow(*tip, 0.0, -1.0 if line.is_upward else 1.0)
    names = " → ".join(cards[each].lines[0][1] for each in (line.source, line.target))
    ends = (
        f"data-source={quoteattr(printable(line.source))} "
        f"data-target={quoteattr(printable(line.target))}"
    )
    dashes = ' stroke-dasharray="5 3"' if line.is_upward else ""
    return (
        f'<g {ends} fill="none" stroke="{colour}" stroke-width="1.4">'
        f"<title>{escape(names)}</title>"
        f'<path d="{path}"{dashes}/><path d="{arrow}" fill="{colour}" stroke="none"/></g>'
    )


def _arrow(x: float, y: float, dx: float, dy: float) -> str:
    """Return the outline of an arrow head whose tip is at a point."""
    back_x, back_y = x - 8.0 * dx, y - 8.0 * dy
    return (
        f"M{x:.1f} {y:.1f} L{back_x + 4.0 * dy:.1f} {back_y - 4.0 * dx:.1f} "
        f"L{back_x - 4.0 * dy:.1f} {back_y + 4.0 * dx:.1f} Z"
    )
