"""The site: built strictly, linked without gaps, and looked at in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from playwright.async_api import Request

import messagebus
from tests.servers.chromium import running_browser

pytest.importorskip("mkdocstrings", reason="the site needs the extra docs")

from site_hooks import adapt

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", "tools/mkdocs.yml"]
    done = subprocess.run(
        [*command, "-d", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return folder


class Links(HTMLParser):
    """Collects the anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.loaded: list[str] = []
        self._link: str | None = None
        self._label = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self._link, self._label = values["href"], ""
        elif tag == "link" and values.get("rel") not in {"prev", "next", "canonical"}:
            self.loaded.append(values["href"])
        elif "src" in values:
            self.loaded.append(values["src"])

    def handle_data(self, data: str) -> None:
        """Note the label of a link."""
        self._label += data

    def handle_endtag(self, tag: str) -> None:
        """Note a link."""
        if tag == "a" and self._link is not None:
            self.links.append((self._label.strip(), self._link))
            self._link = None


@cache
def read(page: Path) -> Links:
    """Read a page of the site."""
    return Links(page.read_text("utf-8"))


def resolve(page: Path, link: str) -> tuple[Path, str]:
    """Return the file and the anchor of a link from a page."""
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    return target / "index.html" if target.is_dir() else target, unquote(parts.fragment)


def test_every_link_leads_to_a_file_and_an_anchor(site: Path) -> None:
    """Also those that the theme and the reference make."""
    broken = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its links begin at the root of the server
            continue
        links = [link for _, link in read(page).links] + read(page).loaded
        for link in links:
            if urlsplit(link).scheme:
                continue
            target, anchor = resolve(page, link)
            known = target.suffix != ".html" or not anchor or anchor in read(target).anchors
            if not target.exists() or not known:
                broken.append(f"{page.relative_to(site)}: {link}")

    assert [] == broken


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """Neither scripts nor styles, fonts or pictures."""
    loaded = {link for page in site.rglob("*.html") for link in read(page).loaded}

    assert len(loaded) > 5
    assert [] == [link for link in loaded if urlsplit(link).netloc]


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    """The index leads to the description of each name of the package."""
    index = site / "reference" / "index.html"
    found = dict(read(index).links)

    for name in messagebus.__all__:
        target, anchor = resolve(index, found[name])
        if name != "Field":  # that of pydantic
            assert anchor in read(target).anchors
            assert anchor.endswith(f".{name}")


@pytest.mark.parametrize(
    "module",
    [
        "adapters.kafka",
        "adapters.memory",
        "adapters.nats",
        "adapters.rabbitmq",
        "adapters.redis",
        "adapters.sqlalchemy",
        "adapters.stdout",
        "asyncio",
        "depends",
        "description",
        "domain.model",
        "drawing",
        "inbox",
        "otel",
        "service.eventstream",
        "testing.outbox",
        "testing.source",
        "testing.transport",
        "typing",
        "web",
    ],
)
def test_every_name_of_a_module_is_on_its_page(site: Path, module: str) -> None:
    """It is described there, or linked if another page describes it."""
    page = site / "reference" / f"messagebus.{module}" / "index.html"
    links = {label for label, _ in read(page).links}
    names = import_module(f"messagebus.{module}").__all__

    assert [] == [
        name
        for name in names
        if f"messagebus.{module}.{name}" not in read(page).anchors and name not in links
    ]


def test_every_module_with_public_names_has_a_page(site: Path) -> None:
    """A new module is found."""
    listed = {label for label, _ in read(site / "reference" / "index.html").links}
    package = Path(messagebus.__file__).parent
    public = {
        ".".join(("messagebus", *path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("*.py")
        if re.search(r"^__all__\b", path.read_text("utf-8"), re.MULTILINE)
    }
    public = {name.removesuffix(".__init__") for name in public}

    assert set() == {name for name in public if "._" not in name} - listed - {"messagebus"}


def test_a_page_has_both_forms_of_its_blocks(site: Path) -> None:
    """Each in a tab; a block without a colour stands alone."""
    page = (site / "tutorial" / "index.html").read_text("utf-8")
    text = re.sub(r"<[^>]*>", "", page)

    assert 20 == page.count('class="tabbed-set') == len(re.findall(r">sync</label>", page))
    assert "async with uow as transaction:" in text
    assert re.search(r"^with uow as transaction:", text, re.MULTILINE)
    assert 1 == text.count("class LendBook(Command, Returns[bool])")


def test_the_search_finds_a_word(site: Path) -> None:
    """The index has the pages and the docstrings."""
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    found = {doc["location"] for doc in index["docs"] if "outbox" in doc["title"].lower()}

    assert "guarantees/#with-the-outbox" in found
    assert any(each.startswith("reference/") for each in found)


def test_the_pictures_of_the_measurements_are_shown(site: Path) -> None:
    """The site has the files that the page shows."""
    page = site / "performance" / "index.html"

    assert "../performance.svg" in read(page).loaded


@pytest.mark.parametrize(
    ("page", "path", "link"),
    [
        ("index.md", "tutorial.md", "[it](tutorial.md#a)"),
        ("concepts/bus.md", "../index.md", "[it](../index.md#a)"),
        ("concepts/bus.md", "../../README.md", "[it](../overview.md#a)"),
        ("overview.md", "docs/concepts/bus.md", "[it](concepts/bus.md#a)"),
        ("map.md", "../examples/shop", "[it](https://git.example.org/m/tree/HEAD/examples/shop#a)"),
        ("map.md", "../README.md", "[it](overview.md#a)"),
        ("overview.md", "LICENSE", "[it](https://git.example.org/m/blob/HEAD/LICENSE#a)"),
    ],
)
def test_a_link_leads_to_the_site_or_to_the_repository(page: str, path: str, link: str) -> None:
    """What is not on the site is in the repository."""
    assert link == adapt(page, "https://git.example.org/m", "it", path, "#a")


def test_without_a_repository_a_link_to_it_is_text() -> None:
    """Nobody is sent to an address that does not exist."""
    assert "it" == adapt("map.md", None, "it", "../LICENSE", "")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_args: object) -> None:
        """Print nothing."""


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve the site."""
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def browsed(site: Path) -> list[str]:
    """Return the pages of the documentation, and some of the reference, which are alike."""
    names = [path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")]
    return [
        name
        for name in sorted(names)
        if not name.startswith("reference/") or name.endswith(("async", "sqlalchemy"))
    ]


@pytest.mark.parametrize("width", [375, 1280])
async def test_no_page_is_wider_than_the_window(site: Path, address: str, width: int) -> None:
    """On a phone and on a desk; nothing is loaded from elsewhere, and no script fails."""
    complaints: list[str] = []

    def look(request: Request) -> None:
        if not request.url.startswith((address, "data:")):
            complaints.append(request.url)

    async with running_browser() as browser:
        page = await browser.new_page(viewport={"width": width, "height": 800})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", look)
        for name in browsed(site):
            await page.goto(f"{address}{name}/", wait_until="domcontentloaded")
            found = await page.evaluate("document.documentElement.scrollWidth")
            if width != found:
                complaints.append(f"{name} is {found} wide")

    assert [] == complaints


async def test_a_reader_who_chooses_sync_sees_it_on_every_page(address: str) -> None:
    """The tabs of all blocks change together, and stay so on other pages."""
    async with running_browser() as browser:
        page = await browser.new_page()
        await page.goto(f"{address}concepts/transactions/")
        await page.get_by_text("sync", exact=True).first.click()
        await page.goto(f"{address}concepts/bus/")
        shown = await page.locator(".tabbed-block:visible").all_inner_texts()

    assert 6 == len(shown)
    assert "SyncMessageBus" in shown[0]
    assert [] == [text for text in shown if "await " in text]
