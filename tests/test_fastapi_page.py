"""The page about FastAPI: what its own blocks cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_blocks import find_blocks
from tests.pages import Page

PAGE = Path(__file__).parents[1] / "docs" / "with-fastapi.md"

# A test client reads a whole response at once, so the endpoint is called as FastAPI calls it.
SLOW_CLIENT = """
async with lifespan(app) as state:
    response = await list_loans(Request({"type": "http", "state": state}))
    received = [await anext(response.body_iterator)]
    library = Library(state["engine"], tables=outbox)
    await state["bus"].execute(LendBook(isbn="slow", reader="Grace"), library)
    print("lent")
    received += [line async for line in response.body_iterator]
    print("slow Grace\\n" in received)
"""


@pytest.mark.slow
def test_a_client_that_reads_slowly_keeps_nobody_from_writing() -> None:
    """A book is lent while a streamed response is sent, which shows what was there before."""
    page = Page(PAGE, "slow")
    try:
        for block in find_blocks(PAGE.read_text("utf-8")):
            page.run(block)
        page.run(SLOW_CLIENT)
        assert "lent\nFalse\n" == page.printed
    finally:
        page.close()
