"""The output of a run: for people on a terminal, as JSON anywhere else."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from messagebus import AsyncAbstractEventstreamTransport
from messagebus.adapters.sqlalchemy import READ_ONLY

from .lines import Line
from .tables import outbox, products
from .unit_of_work import Outcome

_stored = outbox.messages.c
_type = (_stored.kind, _stored.name)
_QUERIES = {
    "stock": sa.select(products).order_by(products.c.sku),
    "messages": sa.select(
        *_type,
        sa.func.count().label("handled"),
        sa.func.count().filter(_stored.published).label("published"),
        sa.func.count().filter(_stored.state == "sent").label("sent"),
    )
    .group_by(*_type)
    .order_by(*_type),
}


class Report(AsyncAbstractEventstreamTransport):
    """Prints rejected lines, the published events that it receives, and tables at the end.

    On a terminal it prints text, colours and a progress bar, anywhere else JSON documents.

    Args:
        total: number of lines; None if it is unknown.
    """

    def __init__(self, total: int | None) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._console = Console(quiet=not self._is_terminal, highlight=False)
        columns = TextColumn("lines"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self.progress = Progress(*columns, console=self._console)
        self._task = self.progress.add_task("", total=total)
        self._counts = Counter(lines=0, rejected=0, handled_before=0)

    def handled(self, line: Line, outcome: Outcome) -> None:
        """Report the outcome of a line."""
        rejected = outcome.reason is not None
        self._counts.update(lines=1, rejected=rejected, handled_before=outcome.is_repeated)
        self.progress.advance(self._task)
        if rejected:
            self._console.print(Text(f"line {line.number} rejected: {outcome.reason}", "red"))
            self._print_document({"line": line.number, "rejected": outcome.reason})

    @override
    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        text = Text(f"published {message['type']} {message['payload']}", "dim")
        self._console.print(text, no_wrap=True, overflow="ellipsis")
        self._print_document(message)

    async def finished(self, engine: AsyncEngine) -> None:
        """Report all that has happened in the shop."""
        document: dict[str, Any] = {**self._counts}
        async with engine.execution_options(**READ_ONLY).connect() as connection:
            for title, query in _QUERIES.items():
                result = await connection.execute(query)
                rows = document[title] = [{**row} for row in result.mappings()]
                self._console.print(_table(title, result.keys(), rows))
        text = "{lines} lines: {rejected} rejected, {handled_before} handled by an earlier run"
        self._console.print(text.format_map(document))
        self._print_document(document)

    def _print_document(self, document: Mapping[str, Any]) -> None:
        if not self._is_terminal:
            # An event counts as sent when this returns.
            print(json.dumps(document), flush=True)


def _table(title: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Table:
    headings = [name.replace("_", "\n") for name in columns]
    table = Table(*headings, title=title.capitalize(), title_justify="left", box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: object) -> Text:
    return Text(str(value), justify="right" if isinstance(value, int) else "left")
