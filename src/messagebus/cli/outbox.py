"""``python -m messagebus outbox``: inspects and repairs an outbox."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ..adapters.sqlalchemy import StoredMessage, SyncOutbox, define_tables
from ..adapters.sqlalchemy.tables import ensure_exist
from ..serialization.wire import wire_type
from .database import new_engine
from .exit_code import ExitCode

_LISTED = ("position", "message_id", "type", "state", "attempts", "created_at", "reason")


def run(options: Namespace) -> ExitCode:
    """Run the command of *options* on the outbox of the database."""
    engine = new_engine(sa.create_engine, options.database)
    tables = define_tables(sa.MetaData(), prefix=options.prefix, schema=options.schema)
    try:
        with engine.connect() as connection:
            ensure_exist(connection, tables)
        command: Callable[[SyncOutbox, Namespace], ExitCode] = globals()[f"{options.command}_"]
        return command(SyncOutbox(engine, tables=tables), options)
    except DBAPIError as error:
        _complain(str(error.orig))
        return ExitCode.DATABASE
    finally:
        engine.dispose()


def status_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Show the backlog and the leader; return whether they are within the limits."""
    backlog, leader = outbox.backlog(count_sent=options.count_sent), outbox.leader()
    age = backlog.oldest_age
    problems = []
    if options.max_age is not None and (age or 0.0) > options.max_age:
        problems.append(f"the oldest message has waited for {age:.0f} s")
    if options.max_parked is not None and backlog.parked > options.max_parked:
        problems.append(f"{backlog.parked} message(s) are parked")
    led_by = None if leader is None else asdict(leader)
    oldest = "" if age is None else f", the oldest for {age:.1f} s"
    rows = {"pending": f"{backlog.pending}{oldest}", "parked": backlog.parked}
    if backlog.sent is not None:
        rows["sent"] = backlog.sent
    rows["leader"] = "none" if leader is None or leader.expired else leader.holder
    _show(options, {**asdict(backlog), "leader": led_by, "problems": problems}, rows.items())
    for problem in problems:
        _complain(problem)
    return ExitCode.UNHEALTHY if problems else ExitCode.OK


def list_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """List messages of one state."""
    state = None if options.state == "private" else options.state
    records = outbox.list(state, after=options.after, limit=options.limit)
    details = [_details(record) for record in records]
    rows = ([_on_one_line(each[name]) for name in _LISTED] for each in details)
    _show(options, details, [_LISTED, *rows])
    return ExitCode.OK


def show_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Show one message with all its columns."""
    record = outbox.get(options.message_id)
    if record is None:
        _complain(f"there is no message {options.message_id}")
        return ExitCode.NOT_FOUND
    details = _details(record)
    _show(options, details, details.items())
    return ExitCode.OK


def replay_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Make parked or discarded messages pending again."""
    return _report("replayed", outbox.replay(options.message_ids or None), options)


def discard_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Decide never to send parked messages."""
    return _report("discarded", outbox.discard(options.message_ids or None), options)


def purge_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Delete messages that were sent some time ago."""
    deleted = outbox.purge(options.older_than, batch_size=options.batch_size)
    _report("deleted", deleted, options)
    return ExitCode.OK


def _report(what: str, count: int, options: Namespace) -> ExitCode:
    _show(options, {what: count}, [[f"{what} {count} message(s)"]])
    return ExitCode.OK if count else ExitCode.NOT_FOUND


def _details(record: StoredMessage) -> dict[str, Any]:
    return {**asdict(record), "type": wire_type(record.name, record.schema_version)}


def _on_one_line(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else " ".join(str(value).split())


def _show(options: Namespace, value: object, rows: Iterable[Iterable[object]]) -> None:
    """Print a value as JSON if *options* say so, and otherwise as the rows of a table."""
    if options.json:
        print(json.dumps(value, default=_plain, ensure_ascii=False))  # noqa: T201
        return
    table = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())  # noqa: T201


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _complain(line: str) -> None:
    print(f"messagebus: {line}", file=sys.stderr)  # noqa: T201
