"""Runs the shop of the examples as a process and reads its output."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from examples.shop.lines import SHIPPED_FILE

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "examples.shop")

SAMPLE = b"".join(SHIPPED_FILE.read_bytes().splitlines(keepends=True)[:120])
"""The first lines of the shipped file, valid and invalid ones."""

GREEN_TEA = {
    "command": "register_product",
    "sku": "TEA-1",
    "name": "Green tea",
    "stock": 9,
    "reorder_level": 3,
}
MINT_TEA = {"command": "register_product", "sku": "TEA-2", "name": "Mint tea", "stock": 2}


def order(order_id: str, **quantities: Any) -> dict[str, Any]:
    """Build a take_order line from quantities by SKU, written with ``_`` for ``-``."""
    lines = [
        {"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in quantities.items()
    ]
    return {"command": "take_order", "order_id": order_id, "lines": lines}


def encode(*lines: Mapping[str, Any] | str | bytes) -> bytes:
    """Encode lines: mappings as JSON, strings as UTF-8."""
    return b"".join(_encode(line) + b"\n" for line in lines)


def _encode(line: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps(line)).encode()


class Output:
    """The JSON documents that a run has printed, without an incomplete one at the end."""

    def __init__(self, text: bytes | str) -> None:
        if isinstance(text, bytes):
            text = text.decode()
        self.documents: list[dict[str, Any]] = [
            json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")
        ]

    @property
    def rejections(self) -> dict[int, str]:
        """The reasons of rejected lines by line number."""
        return {each["line"]: each["rejected"] for each in self.documents if "line" in each}

    @property
    def published(self) -> list[dict[str, Any]]:
        """The published events."""
        return [each for each in self.documents if "payload" in each]

    @property
    def counts(self) -> tuple[int, int, int]:
        """The numbers of all lines, rejected lines and lines handled by an earlier run."""
        last = self.documents[-1]
        return last["lines"], last["rejected"], last["handled_before"]

    @property
    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of the tables. Databases may sort them differently."""
        return {
            title: sorted(tuple(row.values()) for row in self.documents[-1][title])
            for title in ("stock", "messages")
        }

    @property
    def stock(self) -> dict[str, int]:
        """The stock by SKU."""
        return {row["sku"]: row["stock"] for row in self.documents[-1]["stock"]}

    def messages(self, column: str = "handled") -> dict[str, int]:
        """The numbers in a column of the table of messages by name, without zeros."""
        rows = self.documents[-1]["messages"]
        return {row["name"]: row[column] for row in rows if row[column]}


def contents(messages: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """List types and payloads of messages; their ids and times differ from run to run."""
    return [(each["type"], each["payload"]) for each in messages]


def database_in(folder: Path | str) -> str:
    """Return the URL of the database that tests use in a folder."""
    return f"sqlite:///{folder}/shop.sqlite"


def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, without standard input unless *input* is given.

    Without *--database* among the arguments, it uses a temporary database.
    """
    if "--database" not in arguments:
        with tempfile.TemporaryDirectory() as folder:
            return start(*arguments, "--database", database_in(folder), **options)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        (*COMMAND, *arguments), cwd=ROOT, capture_output=True, check=False, timeout=60, **options
    )


def serve(*lines: Mapping[str, Any] | str | bytes) -> Output:
    """Run the command on lines and return its output."""
    return succeed("-", input=encode(*lines))


def succeed(*arguments: str, **options: Any) -> Output:
    """Run the command to its end without any error and return its output."""
    finished = start(*arguments, **options)
    assert (0, b"") == (finished.returncode, finished.stderr)
    return Output(finished.stdout)


@cache
def undisturbed() -> Output:
    """Return the output of a run on the sample that nothing interrupts."""
    return serve(SAMPLE)
