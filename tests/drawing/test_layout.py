"""The places of boxes and lines: nothing overlaps, whatever is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messagebus.drawing.layout import Box, Layout, Line, Point, place

Graph = tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return boxes of any size, and lines between any of them."""
    keys = [f"n{number}" for number in range(draw(st.integers(1, 24)))]
    length = st.floats(20.0, 500.0)
    sizes = {key: (draw(length), draw(length)) for key in keys}
    ends = st.tuples(st.sampled_from(keys), st.sampled_from(keys))
    return sizes, draw(st.lists(ends, max_size=40))


def on_way(line: Line) -> Iterator[Point]:
    """Yield points along a line, as it is drawn: straight and bent in turns."""
    for number, ((x, y), (end_x, end_y)) in enumerate(pairwise(line.points)):
        for part in (each / 20 for each in range(21)):
            if number % 2 == 0:
                yield x, y + (end_y - y) * part
            else:  # a cubic curve whose middle points lie at half the height
                a, b, c, d = (1 - part) ** 3, 3 * part * (1 - part) ** 2, 0.0, part**3
                c = 3 * part**2 * (1 - part)
                yield x * (a + b) + end_x * (c + d), y * a + (y + end_y) / 2 * (b + c) + end_y * d


def is_inside(point: Point, box: Box, margin: float = 0.01) -> bool:
    """Return whether a point lies in a box, its edges left out."""
    return (
        box.x + margin < point[0] < box.x + box.width - margin
        and box.y + margin < point[1] < box.y + box.height - margin
    )


def ensure_tidy(layout: Layout, graph: Graph) -> None:
    """Assert all that holds for every drawing."""
    sizes, edges = graph
    assert sizes.keys() == layout.boxes.keys()
    for key, box in layout.boxes.items():
        assert sizes[key] == (box.width, box.height)
        assert box.x >= -0.01
        assert box.y >= -0.01
        assert box.x + box.width <= layout.width + 0.01
        assert box.y + box.height <= layout.height + 0.01
    for one, other in combinations(layout.boxes.values(), 2):
        beside = one.x + one.width + 27 < other.x or other.x + other.width + 27 < one.x
        below = one.y + one.height + 43 < other.y or other.y + other.height + 43 < one.y
        assert beside or below, (one, other)
    assert sorted({*edges}) == sorted((line.source, line.target) for line in layout.lines)
    for line in layout.lines:
        source, target = layout.boxes[line.source], layout.boxes[line.target]
        if line.source == line.target:
            assert all(x == pytest.approx(source.x + source.width) for x, _ in line.points)
            assert all(source.y < y < source.y + source.height for _, y in line.points)
            continue
        upper, lower = (target, source) if line.is_upward else (source, target)
        (start_x, start_y), (end_x, end_y) = line.points[0], line.points[-1]
        assert start_y == pytest.approx(upper.y + upper.height)
        assert upper.x < start_x < upper.x + upper.width
        assert end_y == pytest.approx(lower.y)
        assert lower.x < end_x < lower.x + lower.width
        for point in on_way(line):
            assert 0 <= point[0] <= layout.width
            assert not any(is_inside(point, box) for box in layout.boxes.values())


@settings(max_examples=60)
@given(graphs())
def test_nothing_overlaps_and_nothing_is_missing(graph: Graph) -> None:
    """No box lies on another one, and no line runs through a box."""
    ensure_tidy(place(*graph), graph)


def test_a_drawing_of_nothing_is_empty() -> None:
    """It is no error."""
    assert Layout({}, [], 0.0, 0.0) == place({}, [])


def test_what_causes_stands_above_what_it_causes() -> None:
    """Without circles, all lines lead down."""
    sizes = dict.fromkeys("abcd", (100.0, 50.0))
    layout = place(sizes, [("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")])

    assert not any(line.is_upward for line in layout.lines)
    tops = {key: box.y for key, box in layout.boxes.items()}
    assert tops["a"] < tops["b"] == tops["d"] < tops["c"]


def test_a_circle_has_one_line_that_leads_up() -> None:
    """The one that closes it, seen from what nothing in the circle causes."""
    sizes = dict.fromkeys("abcd", (100.0, 50.0))
    layout = place(sizes, [("d", "b"), ("a", "b"), ("b", "c"), ("c", "a")])

    assert [("a", "b")] == [(line.source, line.target) for line in layout.lines if line.is_upward]


def test_lines_do_not_cross_where_they_need_not() -> None:
    """Boxes side by side are put into an order in which they do not."""
    sizes = dict.fromkeys("abcdef", (100.0, 50.0))
    layout = place(sizes, [("a", "f"), ("b", "e"), ("c", "d"), ("a", "e"), ("b", "d")])

    middles = {key: box.x for key, box in layout.boxes.items()}
    for one, other in combinations(layout.lines, 2):
        above = middles[one.source] - middles[other.source]
        assert above * (middles[one.target] - middles[other.target]) >= 0


def test_a_chain_stands_straight() -> None:
    """Each box is right below the one that leads to it, although their widths differ."""
    sizes = {key: (100.0 + 40 * number, 50.0) for number, key in enumerate("abcd")}
    layout = place(sizes, [*pairwise("abcd")])

    for line in layout.lines:
        assert 1 == len({round(x, 3) for x, _ in line.points})


def test_the_drawing_is_not_as_wide_as_all_boxes_together() -> None:
    """A hundred commands, each with its event, fill lines below each other."""
    edges = [(f"c{number}", f"e{number}") for number in range(100)]
    sizes = {key: (200.0, 80.0) for edge in edges for key in edge}
    layout = place(sizes, edges)

    ensure_tidy(layout, (sizes, edges))
    assert layout.width < 4 * layout.height


def test_many_causes_of_one_message_stand_in_several_rows() -> None:
    """They would be a line of boxes that no screen shows."""
    edges = [(f"c{number}", "event") for number in range(40)]
    sizes = {key: (200.0, 80.0) for edge in edges for key in edge}
    layout = place(sizes, edges)

    ensure_tidy(layout, (sizes, edges))
    assert layout.width < 40 * 200 / 2


def test_equal_graphs_are_drawn_alike() -> None:
    """The order of lines makes no difference, so that drawings can be compared."""
    sizes = dict.fromkeys("abcdef", (100.0, 50.0))
    edges = [("a", "c"), ("b", "c"), ("c", "d"), ("d", "a"), ("e", "f")]

    assert place(sizes, edges) == place(sizes, [*reversed(edges), *edges])


def test_a_long_chain_needs_no_stack() -> None:
    """It is deeper than Python's."""
    edges = [(f"n{number}", f"n{number + 1}") for number in range(1_500)]
    sizes = {key: (100.0, 50.0) for edge in edges for key in edge}

    layout = place(sizes, edges)

    assert layout.height > 1_500 * 50
