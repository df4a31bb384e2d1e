"""The sync form of the blocks of the documentation, derived by the rules of the twin.

The pages have async code, which the tests run. It is converted as `unasync_gen` converts a source,
so that the site can show both; the tests run the sync form as well. A block that shows asyncio
itself has no sync form.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from repository import ROOT
from unasync_gen import Pair, convert, copy, left_overs, read_rules, ruff
from unasync_rule import WORD, Rule

BLOCK = re.compile(r"^```python\n(?P<source>.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\w+)/")

ASYNC_CLIENTS = re.compile(r"^import nats$", re.MULTILINE)
"""Imports of libraries that have no sync form."""

ONE_COLOUR = {
    "integrations/celery.md",
    "integrations/scripts-and-notebooks.md",
    "integrations/starlette.md",
    "integrations/taskiq.md",
    "web-page.md",
    "with-fastapi.md",
}
"""Pages about frameworks, each of which decides on the colour of what it calls."""

NAMES = {
    "AsyncSession": "Session",
    "async_transport_from_url": "sync_transport_from_url",
    "create_async_engine": "create_engine",
}
"""Names of which no source of a twin has all; see `[replacements]` in `unasync.toml`."""

_ARGUMENTS = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"  # of a call, with calls in calls
PARENTHESES = re.compile(rf"(?<![\w)\]])\(([\w.]+\({_ARGUMENTS}\))\)(?=\.)")
"""What encloses an `await` before a dot, and nothing after it."""

PHRASES = {
    r"from sqlalchemy\.ext\.asyncio import AsyncSession, create_async_engine": (
        "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import Session"
    ),
    r"from sqlalchemy\.ext\.asyncio import AsyncSession": "from sqlalchemy.orm import Session",
    r"from sqlalchemy\.ext\.asyncio import create_async_engine": (
        "from sqlalchemy import create_engine"
    ),
    r"from redis\.asyncio import": "from redis import",
    r"sqlite\+aiosqlite:": "sqlite:",
    r"await (\w+)\.run_sync\(([\w.]+)\)": r"\2(\1)",
    rf"\basyncio\.run\(({_ARGUMENTS})\)": r"\1",
    # A relay runs in a task, or in a thread.
    r"\Aimport asyncio\n(?=[\s\S]*\basyncio\.create_task)": (
        "import time\nfrom threading import Thread\n"
    ),
    r"(\w*running) = asyncio\.create_task\((\w+\.run)\(\)\)": (
        r"\1 = Thread(target=\2)\n\1.start()"
    ),
    r"await (\w*running)$": r"\1.join()",
    r"await asyncio\.sleep\(0\.01\)": "time.sleep(0.01)",
    r"\Aimport asyncio\n+(?![\s\S]*\basyncio\.)": "",
}
"""Regular expressions for what cannot be converted token by token, applied to a block in order."""


def find_blocks(page: str) -> list[str]:
    """Return the Python blocks of the text of a page."""
    return [block["source"] for block in BLOCK.finditer(page)]


def derive(pages: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return the sync form of each block that has a colour and can be converted.

    Args:
        pages: the text of each page by its path.

    Returns:
        The sync form by the path of the page and the source of the block.
    """
    common = read_rules(ROOT)[0]
    rule = Rule("_async", "_sync", NAMES, common.names, common.prose)
    blocks = {
        Pair(rule, f"_async/b{number}.py", f"_sync/b{number}.py"): block
        for number, block in enumerate(
            (path, source)
            for path, text in pages.items()
            if path not in ONE_COLOUR
            for source in find_blocks(text)
            if any(map(rule.has_colour, WORD.findall(source))) and not ASYNC_CLIENTS.search(source)
        )
    }
    # The modules of a page stand after messagebus, which ruff knows from the project.
    own = sorted({file[1] for _, source in blocks.values() if (file := FILE.match(source))})
    order = f"--config=lint.isort.known-local-folder={json.dumps(own)}"
    with tempfile.TemporaryDirectory() as name:
        temp = Path(name).resolve()
        for pair, (_, source) in blocks.items():
            for phrase, replacement in PHRASES.items():
                source = re.sub(phrase, replacement, source, flags=re.MULTILINE)
            (temp / "pages" / pair.source).parent.mkdir(parents=True, exist_ok=True)
            (temp / "pages" / pair.source).write_text(source, "utf-8")
        pairs = [
            pair for pair in blocks if not (copy(pair, temp / "pages", temp) or convert(pair, temp))
        ]
        twins = [temp / pair.twin for pair in pairs]
        for twin in twins:
            twin.write_text(PARENTHESES.sub(r"\1", twin.read_text("utf-8")), "utf-8")
        ruff(ROOT, twins, "check", "--fix-only", "--select=I", order)
        ruff(ROOT, twins, "format")
        texts = {pair: (temp / pair.twin).read_text("utf-8") for pair in pairs}
    return {blocks[pair]: text for pair, text in texts.items() if not left_overs(pair, text)}
