"""The output of the commands: JSON, tables, and complaints on one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from .parser import without_passwords

if TYPE_CHECKING:
    from rich.console import Console

Rows = Sequence[Sequence[object]]

_SHORT = 24
"""The width up to which the values of a column are not folded."""


def complain(problem: str) -> None:
    """Print a problem on standard error, on one line."""
    print(f"messagebus: {without_passwords(on_one_line(problem))}", file=sys.stderr)  # noqa: T201


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    is_utf8 = encoding.lower().replace("-", "") == "utf8"
    print(json.dumps(value, default=_plain, ensure_ascii=not is_utf8))  # noqa: T201


def print_details(details: Mapping[str, object]) -> None:
    """Print names and values, one pair on a line; a terminal gets long values folded."""
    rows = [(name, on_one_line(value)) for name, value in details.items()]
    if console := _console():
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(name, Text(value))
        console.print(grid)
    else:
        _print_columns(rows)


def print_messages(columns: Sequence[str], messages: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of messages.

    A terminal that is too narrow for a line of each message gets two, and folded reasons.

    Args:
        columns: what to print of each message.
        messages: the details of each message.
    """
    rows = [[on_one_line(message[name]) for name in columns] for message in messages]
    console = _console()
    if console is None:
        _print_columns([columns, *rows])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    widths = _widths([columns, *rows])
    if sum(widths) + 2 * (len(widths) - 1) <= console.width:
        for name in columns:
            table.add_column(name, no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
    else:
        time = next(name for name in columns if name.endswith("_at"))
        about = [name for name in ("type", "consumer") if name in columns]
        table.add_column("position", justify="right", no_wrap=True)
        table.add_column(f"message_id, {time}", no_wrap=True)
        table.add_column(", ".join([*about, "attempts", "reason"]), overflow="fold")
        for message in messages:
            count = f"attempts: {message['attempts']}"
            reason = on_one_line(message["reason"])
            table.add_row(
                str(message["position"]),
                Text(f"{message['message_id']}\n{on_one_line(message[time])}"),
                Text(
                    f"{', '.join(on_one_line(message[name]) for name in about)}\n"
                    f"{f'{count}, {reason}' if reason else count}"
                ),
            )
    console.print(table)


def print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table; a terminal that is too narrow gets long values folded.

    Args:
        columns: the heads of the columns.
        lines: the values, as *on_one_line* returns them.
    """
    console = _console()
    if console is None:
        _print_columns([columns, *lines])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name, width in zip(columns, _widths([columns, *lines]), strict=True):
        table.add_column(name, no_wrap=width <= _SHORT, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    console.print(table)


def on_one_line(value: object) -> str:
    """Return a value as a line that a terminal shows as it is."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        value = json.dumps(value, default=_plain, ensure_ascii=False)
    return _printable(" ".join(str(value).split()))


def print_text(text: str) -> None:
    """Print a text of several lines."""
    for line in text.splitlines():
        print(_printable(line))  # noqa: T201


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    # A message must not move the cursor of whoever looks at it.
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person is at a stream, which is None if the process started without it."""
    return stream is not None and stream.isatty()


def _console() -> Console | None:
    """Return the terminal; None if the output is no terminal, or rich is not installed."""
    if not is_terminal(sys.stdout):
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False, markup=False, emoji=False)


def _print_columns(rows: Rows) -> None:
    widths = _widths(rows)
    for row in rows:
        cells = (f"{cell!s:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())  # noqa: T201


def _widths(rows: Rows) -> list[int]:
    return [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
