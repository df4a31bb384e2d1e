"""The pages of the documentation: their links and the languages of their blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from messagebus.adapters.sqlalchemy.tables import VERSION

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\S*)\n.*?^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
MAPPED = re.compile(r"\]\((\.\./src/[^)]*\.py)\) \| `([\w.]+)`")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def links(page: Path) -> list[tuple[str, str]]:
    """Return path and anchor of each link from a page into the repository."""
    return LINK.findall(CODE.sub("", FENCE.sub("", page.read_text("utf-8"))))


def anchors(page: Path) -> set[str]:
    """Return the anchors that forges generate for the headings of a page."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link within the repository leads to a file or to a heading of a page."""
    broken = []
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")

    assert [] == broken


@every_page
def test_every_block_has_a_known_language(page: Path) -> None:
    """A block is run, compared or shown; a misspelled language would hide it from the tests."""
    languages = set(FENCE.findall(page.read_text("utf-8")))

    assert languages <= {
        *("python", "output", "shell", "console", "toml", "text", "mermaid"),
        *("go", "js"),  # for readers without Python
    }


def test_every_page_is_listed() -> None:
    """The index links to every page of the documentation."""
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / path).resolve() for path, _ in links(index)}

    assert [] == [page for page in PAGES if page != index and page not in listed]


def test_the_map_leads_to_names_that_exist() -> None:
    """Each file in the map for contributors defines the name beside it."""
    page = ROOT / "docs" / "contributing.md"
    places = MAPPED.findall(page.read_text("utf-8"))

    assert len(places) > 20
    for path, name in places:
        source = (page.parent / path).resolve().read_text("utf-8")
        for part in name.split("."):
            assert re.search(rf"\b(class|def) {part}\b", source), f"{path}: {name}"


def test_the_migration_of_the_page_stores_the_present_version() -> None:
    """Nothing executes it, so nothing else would notice an old one."""
    page = (ROOT / "docs" / "durability" / "sqlalchemy.md").read_text("utf-8")
    found = re.findall(r"INSERT INTO messagebus_version \(version\) VALUES \((\d+)\)", page)
    assert [str(VERSION)] == found


def test_the_readme_has_the_two_commands() -> None:
    """One command runs the example and one the tests, each in a block of its own."""
    blocks = re.findall(r"^```shell\n(.*?)^```$", PAGES[0].read_text("utf-8"), re.DOTALL | re.M)

    assert [
        'pip install -e ".[demo]" && python -m examples.shop\n',
        'pip install -e ".[dev]" && pytest\n',
    ] == [block for block in blocks if block.startswith("pip install -e")]
