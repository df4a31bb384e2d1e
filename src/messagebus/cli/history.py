"""``messagebus history``: shows what was handled."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import sqlalchemy as sa

from ..adapters.sqlalchemy import CausedMessage, MessageTree, OutboxTables, SyncMessageHistory
from ..serialization.wire import wire_type
from .database import run_on_tables
from .exit_code import ExitCode
from .output import complain, on_one_line, print_json, print_table

_DEEPEST = 20
"""The depth from which on a number stands for the lines that lead to a message."""

_LINES = ("├─ ", "└─ ", "│  ", "   ")
_PLAIN_LINES = ("|- ", "`- ", "|  ", "   ")


def run(options: Namespace) -> ExitCode:
    """Run the command of *options* on the history in the database."""

    def show(engine: sa.Engine, tables: OutboxTables) -> ExitCode:
        history = SyncMessageHistory(engine, tables=tables)
        return _show(history.tree(options.identifier, limit=options.limit), options)

    return run_on_tables(options, show)


def _show(tree: MessageTree, options: Namespace) -> ExitCode:
    """Print a tree."""
    if not tree.messages:
        complain(f"there is no message {options.identifier}, and no cascade that began with it")
        return ExitCode.NOT_FOUND
    types = [wire_type(each.name, each.schema_version) for each in tree.messages]
    if options.json:
        messages = [
            {**asdict(each), "type": type_}
            for each, type_ in zip(tree.messages, types, strict=True)
        ]
        print_json({"messages": messages, "complete": tree.complete})
    else:
        rows = [
            (line + on_one_line(type_), *map(on_one_line, _details(each)))
            for each, line, type_ in zip(tree.messages, _lines(tree.messages), types, strict=True)
        ]
        print_table(("type", "message_id", "created_at", "state"), rows)
    if not tree.complete:
        complain(f"the cascade has more than {options.limit} messages; --limit shows more")
    return ExitCode.OK


def _details(message: CausedMessage) -> tuple[object, ...]:
    """Return the identifier, the time, and how far the message has come."""
    state = message.state or "private"
    if message.reason:
        state += f" after {message.attempts} attempt(s): {message.reason}"
    if message.loose == "missing":
        state += f"; its cause {message.causation_id} is not stored"
    elif message.loose == "cycle":
        state += f"; its cause {message.causation_id} was caused by it"
    return message.message_id, message.created_at, state


def _lines(messages: Sequence[CausedMessage]) -> Iterator[str]:
    """Yield the lines that lead to each message."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    between, last, passing, nothing = _LINES if encoding.startswith("utf") else _PLAIN_LINES
    # Read backwards, a message is the last of its siblings if none has come before it.
    ends: list[bool] = []
    later: list[int] = []
    for each in reversed(messages):
        while later and later[-1] > each.depth:
            later.pop()
        ends.append(not later or later[-1] < each.depth)
        if ends[-1]:
            later.append(each.depth)
    is_last: dict[int, bool] = {}
    for each, end in zip(messages, reversed(ends), strict=True):
        is_last[each.depth] = end
        if each.depth > _DEEPEST:
            yield f"({each.depth}) "
        else:
            above = (nothing if is_last[depth] else passing for depth in range(1, each.depth))
            yield "".join(above) + ((last if end else between) if each.depth else "")
