"""The drawing as SVG: well-formed, complete, and every text in its box."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from messagebus.description import DescribedListener, DescribedMessage, Description
from messagebus.drawing import to_svg
from messagebus.drawing.cards import printable
from tests.drawing.maps import HOSTILE, descriptions, sixty

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    """Return the drawing as a reader of XML sees it."""
    return ET.fromstring(svg.encode("utf-8"))  # noqa: S314 - our own


def ensure_right(description: Description) -> None:
    """Assert all that holds for every drawing."""
    root = parsed(to_svg(description))
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    boxes = [each for each in root.iter(f"{SVG}g") if "data-path" in each.attrib]
    paths = [each.attrib["data-path"] for each in boxes]
    assert sorted(printable(each.path) for each in description.messages) == sorted(paths)
    for box in boxes:
        rect = box.find(f"{SVG}rect")
        assert rect is not None
        left, top, wide, high = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert left + wide <= width
        assert top + high <= height
        lines = [
            (float(each.attrib["x"]), float(each.attrib["y"]), each)
            for each in box.iter(f"{SVG}text")
        ]
        for x, y, text in lines:
            size = float(text.attrib["font-size"])
            assert left < x
            assert x + float(text.attrib["textLength"]) < left + wide
            assert top < y - size
            assert y + size * 0.3 < top + high
        for (_, above, _), (_, below, text) in pairwise(lines):
            assert below - above >= float(text.attrib["font-size"])
    listeners = {each.name: each for each in description.listeners}
    edges = {
        (message.path, raised)
        for message in description.messages
        for name in message.listeners
        for raised in listeners[name].raises
    }
    drawn = [
        (each.attrib["data-source"], each.attrib["data-target"])
        for each in root.iter(f"{SVG}g")
        if "data-source" in each.attrib
    ]
    assert sorted((printable(source), printable(target)) for source, target in edges) == sorted(
        drawn
    )
    for text in root.iter(f"{SVG}text"):
        assert float(text.attrib["x"]) + float(text.attrib["textLength"]) <= width
    # Whatever the names are, they are text.
    assert {"svg", "title", "rect", "g", "text", "path"} >= {
        each.tag.removeprefix(SVG) for each in root.iter()
    }


@settings(max_examples=40)
@given(descriptions())
def test_every_drawing_is_complete_and_its_texts_fit(description: Description) -> None:
    """With names that are long, hostile, or of wide letters."""
    ensure_right(description)


@pytest.mark.parametrize("seed", range(5))
def test_an_application_of_sixty_messages_is_drawn(seed: int) -> None:
    """With the shape of a screen rather than that of a line."""
    description = sixty(seed)
    assert 60 == len(description.messages)
    ensure_right(description)

    root = parsed(to_svg(description))
    assert 0.5 < float(root.attrib["width"]) / float(root.attrib["height"]) < 3.0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_text(name: str) -> None:
    """Neither an element, nor the end of one."""
    message = DescribedMessage(name, "event", name, 1, True, [name], name)
    svg = to_svg(Description([message], [DescribedListener(name, [name], name, [], [name])]), name)

    assert "<script" not in svg
    assert svg.isascii()
    assert all(each.isprintable() or each == "\n" for each in svg)
    parsed(svg)


def test_a_box_says_what_is_known_of_a_message() -> None:
    """Its title, how it is published, its listeners and their dependencies."""
    root = parsed(to_svg(sixty()))

    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    assert "CreateOrder" in texts
    assert any(re.fullmatch(r"published as \w+_v1", text) for text in texts)
    assert any(re.fullmatch(r"▸ orders\.handlers\.createorder", text) for text in texts)
    assert any(re.fullmatch(r"needs .*session.*", text) for text in texts)
    assert "The listeners are in acme." in texts


def test_a_command_without_a_handler_stands_out() -> None:
    """An event that nobody hears is nothing unusual."""
    command = DescribedMessage("a.Do", "command", "do", 1, False, [], None)
    event = DescribedMessage("a.Done", "event", None, None, False, [], None)
    svg = to_svg(Description([command, event], []))

    assert 'fill="#b00020" font-weight="bold"' in svg
    texts = [each.text for each in parsed(svg).iter(f"{SVG}text")]
    assert {"no handler", "no listener", "do_v1", "each has its own metadata"} <= {*texts}


def test_a_long_name_is_shortened_and_shown_in_full_beside_the_pointer() -> None:
    """Its middle is left out, because the ends tell more."""
    path = "acme.messages." + "Very" * 30 + "LongName"
    svg = to_svg(Description([DescribedMessage(path, "event", "name", 1, False, [], None)], []))

    root = parsed(svg)
    (title,) = [each.text for each in root.iter(f"{SVG}text") if "LongName" in (each.text or "")]
    assert title is not None
    assert 44 == len(title)
    assert title.startswith("VeryVery")
    assert title.endswith("LongName")
    assert path in [each.text for each in root.iter(f"{SVG}title")]


def test_equal_descriptions_are_drawn_alike() -> None:
    """So that a drawing can be kept under version control."""
    assert to_svg(sixty()) == to_svg(sixty())


def test_a_drawing_of_nothing_is_a_drawing() -> None:
    """With its title."""
    root = parsed(to_svg(Description([], []), "shop"))

    assert "shop" == next(root.iter(f"{SVG}title")).text
