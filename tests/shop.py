"""The shop of the examples, run as a process, and what it writes, read back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from examples.shop.entrypoint.source import SHIPPED_FILE

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "examples.shop")
REJECTED = re.compile(r"line (\d+)(?: \((\w+)\))? rejected: (.+)")

SAMPLE = b"".join(SHIPPED_FILE.read_bytes().splitlines(keepends=True)[:120])
"""Some of what comes with the shop: good lines and bad ones."""

GREEN_TEA = {
    "command": "register_product",
    "sku": "TEA-1",
    "name": "Green tea",
    "stock": 9,
    "reorder_level": 3,
}
MINT_TEA = {"command": "register_product", "sku": "TEA-2", "name": "Mint tea", "stock": 2}


def order(order_id: str, **quantities: Any) -> dict[str, Any]:
    """Build the object of a take_order line; a sku is written with ``_`` for ``-``."""
    lines = [
        {"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in quantities.items()
    ]
    return {"command": "take_order", "order_id": order_id, "lines": lines}


def encode(*lines: Mapping[str, Any] | str | bytes) -> bytes:
    """Encode lines: objects as JSON, text as UTF-8, bytes as they are."""
    return b"".join(_encode(line) + b"\n" for line in lines)


def _encode(line: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps(line)).encode()


def database_in(folder: Path | str) -> str:
    """Return the URL of the database that tests have in a folder."""
    return f"sqlite:///{folder}/shop.sqlite"


def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, without standard input unless it is given.

    Without *--database* among the arguments, it gets a new one, which is deleted.
    """
    if "--database" not in arguments:
        with tempfile.TemporaryDirectory() as folder:
            return start(*arguments, "--database", database_in(folder), **options)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        (*COMMAND, *arguments), cwd=ROOT, capture_output=True, check=False, timeout=60, **options
    )


def serve(*lines: Mapping[str, Any] | str | bytes) -> str:
    """Run the command on lines, and return what it writes."""
    finished = start("-", input=encode(*lines))
    assert (0, b"") == (finished.returncode, finished.stderr)
    return finished.stdout.decode()


@cache
def undisturbed() -> str:
    """Return what the command writes that nothing keeps from handling the sample."""
    return serve(SAMPLE)


def tables(output: str) -> str:
    """Return the tables at the end of the output."""
    return output.partition("\nCommands\n")[2]


def printed(output: str) -> list[dict[str, Any]]:
    """Read the messages off the output that are printed there, the default stream.

    What a run that was killed has written of the last one is left out.
    """
    lines = output.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def told(output: str) -> str:
    """Return the output without these messages, whose ids and times are never the same."""
    return "".join(line for line in output.splitlines(keepends=True) if not line.startswith("{"))


def contents(messages: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """List type and payload of messages, which depend on the lines alone."""
    return [(each["type"], each["payload"]) for each in messages]


def rejections(output: str) -> list[tuple[int, str | None, str]]:
    """Read number, command and reason of each rejected line off the output."""
    return [
        (int(number), command or None, reason)
        for number, command, reason in REJECTED.findall(output)
    ]


def section(output: str, title: str) -> list[list[str]]:
    """Read the rows of a table off the output, without its header."""
    text = output.partition(f"\n{title}\n")[2].partition("\n\n")[0]
    return [row.split() for row in text.splitlines()[1:]]


def counts(output: str, title: str) -> dict[str, int]:
    """Read a table of names and counts off the output."""
    return {name: int(count) for name, count in section(output, title)}


def stock(output: str) -> dict[str, int]:
    """Read what is in stock off the output."""
    return {row[0]: int(row[1]) for row in section(output, "Stock")}
