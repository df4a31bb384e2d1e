"""The page in a browser, with the keyboard alone, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect
from sqlalchemy.engine import Engine

from examples.shop.bootstrap import new_bus
from messagebus.adapters.sqlalchemy import SyncOutboxRelay
from messagebus.testing.outbox import SyncRecorder
from tests._sync.adapters.sqlalchemy.shelves import publish
from tests._sync.adapters.sqlalchemy.test_dead_letters import bury
from tests.cli.conftest import Start
from tests.cli.test_web import link_of, on_sqlite
from tests.library import BookBorrowed
from tests.running.aio import PATIENCE, eventually
from tests.servers.chromium import running_browser

MOST_KEYS = 60
SHOP = SimpleNamespace(bus=new_bus(), unit_of_work=object)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Yield a browser."""
    async with running_browser() as browser:
        yield browser


@asynccontextmanager
async def opened(browser: Browser, link: str, *, scripts: bool = True) -> AsyncIterator[Page]:
    """Open a link; no script or style may have been refused at the end, and nothing have failed."""
    complaints: list[str] = []
    context = await browser.new_context(
        java_script_enabled=scripts, viewport={"width": 1280, "height": 800}
    )
    page = await context.new_page()

    def complain(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(link)
    yield page
    await context.close()
    assert [] == complaints


async def go_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    focused = page.locator(f"{selector}:focus")
    for _ in range(MOST_KEYS):
        await page.keyboard.press("Tab")
        if await focused.count():
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


async def choose(page: Page, selector: str) -> None:
    """Go to an element, press Enter, and wait for the next page."""
    await go_to(page, selector)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


def park(engine: Engine, *ids: str) -> list[str]:
    """Publish messages that the broker refuses; return their identifiers."""
    broken = SyncRecorder()
    events = publish(engine, *ids)
    broken.poison = {str(event.message_id): RuntimeError("too large") for event in events}
    SyncOutboxRelay(engine, broken, max_attempts=1).drain()
    return [str(event.message_id) for event in events]


@pytest.mark.parametrize(
    ("url", "scripts"),
    [("sqlite", True), ("postgresql", True), ("sqlite", False)],
    indirect=["url"],
    ids=["sqlite", "postgresql", "no-scripts"],
)
async def test_a_parked_message_is_found_edited_replayed_and_seen_sent(
    url: str, engine: Engine, start: Start, browser: Browser, scripts: bool
) -> None:
    """By keyboard alone; with scripts, the page sees by itself that it is sent."""
    (id,) = park(engine, "1")
    relay = start("relay", f"--database={url}", "--transport=stdout:")
    link = link_of(start("web", f"--database={url}", "--port=0"))
    async with opened(browser, link, scripts=scripts) as page:
        await choose(page, "#tile-parked")
        await go_to(page, "[name=reason]")
        await page.keyboard.type("large")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await choose(page, "tbody a")
        await expect(page.locator("pre.error")).to_have_text("RuntimeError: too large")
        await choose(page, "#edit")
        await expect(page.locator("textarea:focus")).to_have_count(1)
        await page.keyboard.press("Control+A")
        await page.keyboard.type('{"id": "<b>Dune</b>"}')
        await choose(page, "main button")
        await choose(page, "#replay")
        await expect(page.get_by_role("status")).to_have_text("The relay will send it.")
        sent = page.locator("#state .badge.sent")
        if not scripts:
            while not await sent.count():
                await page.reload()
        await expect(sent).to_have_text("sent", timeout=PATIENCE * 1000)
    assert relay.stdout is not None
    wire = json.loads(relay.stdout.readline())
    assert (id, '{"id":"<b>Dune</b>"}') == (wire["id"], wire["payload"])


@on_sqlite
async def test_the_overview_refreshes_itself_and_keeps_the_focus(
    url: str, engine: Engine, start: Start, browser: Browser
) -> None:
    """What is new appears without a key, where the keyboard was."""
    link = link_of(start("web", f"--database={url}", "--port=0"))
    async with opened(browser, link) as page:
        await go_to(page, "#tile-pending")
        park(engine, "1", "2")
        parked = page.locator("#tile-parked strong")
        await expect(parked).to_have_text("2", timeout=PATIENCE * 1000)
        await expect(page.locator("#tile-pending:focus")).to_have_count(1)


@on_sqlite
async def test_a_dead_letter_is_discarded_by_keyboard(
    url: str, engine: Engine, start: Start, browser: Browser
) -> None:
    """The question has the focus on its answer."""
    bury(engine, BookBorrowed(id="1"))
    link = link_of(start("web", f"--database={url}", "--port=0"))
    async with opened(browser, link, scripts=False) as page:
        await choose(page, "#tile-letters")
        await choose(page, "tbody a")
        await choose(page, "#discard")
        await expect(page.get_by_role("heading")).to_have_text("Discard 1 dead letter?")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_have_text("1 dead letter discarded")


@on_sqlite
async def test_the_map_is_seen_and_scrolled_by_keyboard(
    url: str, engine: Engine, start: Start, browser: Browser
) -> None:
    """The policy refuses nothing of the drawing, whose boxes are as large as it says."""
    app = "--app=tests.cli.test_web_browser:SHOP"
    link = link_of(start("web", f"--database={url}", "--port=0", app))
    async with opened(browser, link, scripts=False) as page:
        await choose(page, "a[href='/map']")
        drawing = page.locator(".map > svg")
        box = await drawing.bounding_box()
        assert box is not None
        assert await drawing.get_attribute("width") == f"{box['width']:.0f}"
        assert await drawing.get_attribute("height") == f"{box['height']:.0f}"
        await page.set_viewport_size({"width": 375, "height": 500})
        await go_to(page, ".map")
        area = page.locator(".map")
        for key, side in (("ArrowRight", "scrollLeft"), ("End", "scrollTop")):
            await page.keyboard.press(key)
            await eventually(partial(area.evaluate, f"area => area.{side} > 0"))


@on_sqlite
async def test_no_page_is_wider_than_the_window(
    url: str, engine: Engine, tmp_path: Path, start: Start, browser: Browser
) -> None:
    """Neither with names nor with payloads that have no place to break."""
    (id,) = park(engine, "x" * 1_000)
    (letter,) = bury(engine, BookBorrowed(id="y" * 1_000))
    app = "--app=examples.shipping.app:app"
    database = f"sqlite:///{tmp_path / 'shipping.db'}"
    link = link_of(start("web", f"--database={url}", "--port=0", app, SHIPPING_DATABASE=database))
    root = link.partition("?")[0]
    async with opened(browser, link) as page:
        for path in (
            "",
            "map",
            "messages",
            "messages?state=sent&name=" + "n" * 300,
            f"messages/{id}",
            f"messages/{id}/edit",
            "letters",
            f"letters/{letter.position}",
            f"cascades/{id}",
        ):
            await page.goto(root + path)
            for width in (1280, 375):
                await page.set_viewport_size({"width": width, "height": 800})
                found = await page.evaluate("document.documentElement.scrollWidth")
                assert width == found, path
