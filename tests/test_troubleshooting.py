"""The page "When something is wrong" against the moods that produce its lines."""

from __future__ import annotations

import re
from pathlib import Path

from .chaos.moods import MOODS

PAGE = Path(__file__).parents[1] / "docs" / "when-something-is-wrong.md"


def test_each_line_of_the_page_is_what_a_relay_says_in_a_mood() -> None:
    """The page names every mood that a relay must report, and no line that none produces."""
    shown = re.findall(r"^\| `(.*?)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {*shown} == {mood.says for mood in MOODS.values() if mood.says is not None}
    assert len({*shown}) == len(shown)
