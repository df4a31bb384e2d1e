"""The shop of the examples, run as a process, and what it writes, read back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "examples.shop")
REJECTED = re.compile(r"line (\d+)(?: \((\w+)\))? rejected: (.+)")

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


def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, without standard input unless it is given."""
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
