"""Chromium, from the package of the system: the browser of a wheel's own cannot be relied on."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from .process import skip_or_fail

INSTALL = "apt-get install --no-install-recommends chromium"
# It neither needs nor finds anything outside of this machine.
OPTIONS = [
    "--no-sandbox",  # in which root cannot start it
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Start a browser that shows nothing, and end it after the block."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        skip_or_fail("Chromium", INSTALL)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        await browser.close()
