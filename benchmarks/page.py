"""Writes a run into the documentation, between two markers of a page."""

from __future__ import annotations

import re
from pathlib import Path

from .chart import chart
from .report import report
from .run import Run

START = "<!-- measured: what follows is written by `python -m benchmarks page` -->"
END = "<!-- measured: end -->"

_BETWEEN = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)


def refresh(page: Path, run: Run) -> None:
    """Write a run into a page, and its chart beside it.

    Args:
        page: a page that contains both markers, in order.
        run: the run.

    Raises:
        ValueError: a marker is missing.
    """
    text = page.read_text("utf-8")
    if not _BETWEEN.search(text):
        message = f"{page} has no {START!r} … {END!r}"
        raise ValueError(message)
    picture = page.with_suffix(".svg")
    picture.write_text(chart(run), "utf-8")
    content = f"{START}\n\n{report(run, picture.name)}\n{END}"
    page.write_text(_BETWEEN.sub(lambda _: content, text), "utf-8")
