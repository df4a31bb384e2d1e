"""The drawing as text for Mermaid."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from messagebus.description import DescribedListener, DescribedMessage, Description
from messagebus.drawing import to_mermaid
from tests.drawing.maps import HOSTILE, descriptions

LINE = re.compile(
    r"flowchart TD"
    r'|    m\d+\["<b>[^"<>`%{}]*</b>(<br/>[^"<>`%{}]*)*"\]:::(command|event)'
    r"|    class m\d+ published"
    r"|    m\d+ --> m\d+"
    r"|    classDef \w+ [\w:#,.-]+"
)


def event(path: str, *listeners: str, published: bool = False) -> DescribedMessage:
    """Return an event."""
    return DescribedMessage(path, "event", "taken", 1, published, listeners, None)


def test_messages_are_boxes_and_arrows_lead_to_what_they_cause() -> None:
    """The listeners are written into the box of what they hear."""
    command = DescribedMessage("shop.Take", "command", "take", 1, False, ["shop.h.take"], None)
    taken = event("shop.Taken", published=True)
    listener = DescribedListener("shop.h.take", [], None, [], ["shop.Taken"])

    assert to_mermaid(Description([command, taken], [listener])).splitlines()[:5] == [
        "flowchart TD",
        '    m0["<b>Take</b><br/>take_v1<br/>▸ take"]:::command',
        '    m1["<b>Taken</b><br/>published as taken_v1<br/>no listener"]:::event',
        "    class m1 published",
        "    m0 --> m1",
    ]


@pytest.mark.slow
@settings(max_examples=40)
@given(descriptions())
def test_every_line_is_one_of_five(description: Description) -> None:
    """No name can begin a new one, or end its quotes."""
    text = to_mermaid(description)

    lines = text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    boxes = [line for line in lines if "[" in line]
    assert len(description.messages) == len(boxes)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_text(name: str) -> None:
    """Each character with a meaning is written as a number."""
    lines = to_mermaid(Description([event(name)], [])).splitlines()

    assert all(LINE.fullmatch(line) for line in lines), lines
