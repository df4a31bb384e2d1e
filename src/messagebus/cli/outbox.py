"""``python -m messagebus outbox``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ..adapters.sqlalchemy import StoredMessage, SyncOutbox, define_tables
from ..exceptions import ConfigurationError
from .database import sync_engine
from .exit_code import ExitCode

_LISTED = ("position", "message_id", "type", "state", "attempts", "created_at", "reason")


def run(options: Namespace) -> ExitCode:
    """Run the command that *options* name, on the outbox of the database."""
    engine = sync_engine(options.database)
    tables = define_tables(sa.MetaData(), prefix=options.prefix, schema=options.schema)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(tables.messages.name, options.schema):
                problem = f"The table {tables.messages.fullname} does not exist"
                raise ConfigurationError(problem)
        command: Callable[[SyncOutbox, Namespace], ExitCode] = options.command
        return command(SyncOutbox(engine, tables=tables), options)
    except DBAPIError as error:
        _complain(str(error.orig))
        return ExitCode.DATABASE
    finally:
        engine.dispose()


def status(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Show how much there is, and who sends it; tell whether that is acceptable."""
    backlog = outbox.backlog(count_sent=options.count_sent)
    leader = outbox.leader()
    problems = []
    if options.max_age is not None and (backlog.oldest_age or 0.0) > options.max_age:
        problems.append(f"the oldest message waits for {backlog.oldest_age:.0f} s")
    if options.max_parked is not None and backlog.parked > options.max_parked:
        problems.append(f"{backlog.parked} message(s) are parked")
    shown = asdict(backlog)
    shown["leader"] = asdict(leader) if leader else None
    shown["problems"] = problems
    if options.json:
        _print_json(shown)
    else:
        age = "" if backlog.oldest_age is None else f", the oldest for {backlog.oldest_age:.1f} s"
        _print(f"pending  {backlog.pending}{age}")
        _print(f"parked   {backlog.parked}")
        if backlog.sent is not None:
            _print(f"sent     {backlog.sent}")
        _print(f"leader   {'none' if leader is None or leader.expired else leader.holder}")
    for problem in problems:
        _complain(problem)
    return ExitCode.UNHEALTHY if problems else ExitCode.OK


def list_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """List messages of one state."""
    state = None if options.state == "private" else options.state
    records = outbox.list(state, after=options.after, limit=options.limit)
    if options.json:
        _print_json([_details(record) for record in records])
    else:
        _print_table(_LISTED, (_details(record) for record in records))
    return ExitCode.OK


def show(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Show all that is known of a message."""
    record = outbox.get(options.message_id)
    if record is None:
        _complain(f"no message {options.message_id}")
        return ExitCode.NOT_FOUND
    details = _details(record)
    if options.json:
        _print_json(details)
    else:
        width = max(map(len, details))
        for name, value in details.items():
            _print(f"{name:{width}}  {'' if value is None else value}")
    return ExitCode.OK


def replay(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Let messages be sent that were given up."""
    return _tell("replayed", outbox.replay(options.message_ids or None), options)


def discard(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Give messages up for good."""
    return _tell("discarded", outbox.discard(options.message_ids or None), options)


def purge(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Delete what was sent long ago."""
    deleted = outbox.purge(options.older_than, batch_size=options.batch_size)
    _tell("deleted", deleted, options)
    return ExitCode.OK


def _tell(what: str, count: int, options: Namespace) -> ExitCode:
    if options.json:
        _print_json({what: count})
    else:
        _print(f"{what} {count} message(s)")
    return ExitCode.OK if count else ExitCode.NOT_FOUND


def _details(record: StoredMessage) -> dict[str, Any]:
    return {**asdict(record), "type": f"{record.name}_v{record.schema_version}"}


def _print_table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    table = [tuple(columns)]
    table += [tuple(_cell(row[name]) for name in table[0]) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        _print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else " ".join(str(value).split())


def _print_json(value: object) -> None:
    _print(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _print(line: str) -> None:
    print(line)  # noqa: T201


def _complain(line: str) -> None:
    print(f"messagebus: {line}", file=sys.stderr)  # noqa: T201
