"""The sync form of the documentation: what the second tab of the site shows, is run."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from sync_blocks import ASYNC_CLIENTS, NAMES, ONE_COLOUR, PHRASES, derive, find_blocks
from tests.pages import Page, names_a_server

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix().removeprefix("docs/"): path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
TEXTS = {name: path.read_text("utf-8") for name, path in PAGES.items()}
FENCE = re.compile(r"^```(python|output)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COLOURED = re.compile(r"\b(async|await|Async[A-Z]\w+|async_listen)\b|messagebus\.asyncio")

# Blocks by page and number that show asyncio, and so have no sync form.
WITHOUT_TWIN = {
    ("concepts/failing-handlers.md", 2),  # a deadline cancels what is awaited
    ("durability/transports.md", 2),  # the client of NATS
    ("facade/dependencies.md", 12),  # a dependency in a running loop
    ("facade/index.md", 1),  # the facade in an event loop
    ("migration.md", 1),  # the same
}


@functools.cache
def twins() -> dict[tuple[str, str], str]:
    """Return the sync forms of all pages."""
    return derive(TEXTS)


def test_a_block_without_a_sync_form_is_known() -> None:
    """Every other block with a colour has one, except on pages about a framework."""
    found = {
        (name, number)
        for name, text in TEXTS.items()
        for number, source in enumerate(find_blocks(text))
        if COLOURED.search(source) and (name, source) not in twins() and name not in ONE_COLOUR
    }

    assert WITHOUT_TWIN == found


def test_every_rule_converts_something() -> None:
    """A rule that no page needs any more is removed."""
    unused = {*PHRASES, *NAMES, ASYNC_CLIENTS.pattern}
    for block in (each for text in TEXTS.values() for each in find_blocks(text)):
        source = block
        unused -= {name for name in NAMES if name in source}
        unused -= {each for each in (ASYNC_CLIENTS.pattern,) if ASYNC_CLIENTS.search(source)}
        for phrase, replacement in PHRASES.items():
            source, count = re.subn(phrase, replacement, source, flags=re.MULTILINE)
            unused -= {phrase} if count else set()

    assert set() == unused


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.server if names_a_server(path) else ())
        for name, path in PAGES.items()
        if any(page == name for page, _ in twins())
    ],
)
def test_the_sync_form_of_a_page_runs_and_prints_the_same(name: str) -> None:
    """A reader who chose sync can leave out the blocks that have only an async form."""
    page, number, runs = Page(PAGES[name], "sync"), -1, True
    try:
        for language, source in FENCE.findall(TEXTS[name]):
            if language == "python":
                number += 1
                runs = (name, number) not in WITHOUT_TWIN
                if runs:
                    page.run(twins().get((name, source), source))
            elif runs:
                assert source.replace("_app.", "_sync.") == page.printed  # names of modules
    finally:
        page.close()
