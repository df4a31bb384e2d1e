"""``messagebus outbox``: inspects and repairs an outbox."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ..adapters.sqlalchemy import StoredMessage, SyncOutbox, sync_upgrade_tables
from ..adapters.sqlalchemy.tables import (
    VERSION,
    OutboxTables,
    missing_columns,
    stored_version,
)
from ..serialization.wire import wire_type
from .confirmation import refusal
from .database import run_on_tables
from .exit_code import ExitCode
from .output import complain, print_details, print_json, print_messages
from .selection import selection


def run(options: Namespace) -> ExitCode:
    """Run the command of *options* on the outbox of the database."""
    if options.command == "upgrade":
        return run_on_tables(
            options, lambda engine, tables: _upgrade(engine, tables, options), exist=False
        )
    command: Callable[[SyncOutbox, Namespace], ExitCode] = globals()[f"{options.command}_"]
    return run_on_tables(
        options, lambda engine, tables: command(SyncOutbox(engine, tables=tables), options)
    )


def _upgrade(engine: sa.Engine, tables: OutboxTables, options: Namespace) -> ExitCode:
    """Bring the tables to the present version, and say from which one."""
    with engine.connect() as connection:
        exist = missing_columns(connection, tables.messages) is not None
        before = stored_version(connection, tables) if exist else None
    sync_upgrade_tables(engine, tables)
    if options.json:
        print_json({"version_before": before, "version": VERSION})
    elif before == VERSION:
        print_details({"tables": f"version {VERSION} already"})
    else:
        found = f"from version {before}" if exist else "created"
        print_details({"tables": f"{found}, now version {VERSION}"})
    return ExitCode.OK


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
    rows: dict[str, object] = {"pending": f"{backlog.pending}{oldest}", "parked": backlog.parked}
    if backlog.sent is not None:
        rows["sent"] = backlog.sent
    rows["leader"] = "none" if leader is None or leader.expired else leader.holder
    if options.json:
        print_json({**asdict(backlog), "leader": led_by, "problems": problems})
    else:
        print_details(rows)
    for problem in problems:
        complain(problem)
    return ExitCode.UNHEALTHY if problems else ExitCode.OK


def list_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """List messages of one state."""
    state = None if options.state == "private" else options.state
    records = outbox.list(
        state, matching=selection(options), after=options.after, limit=options.limit
    )
    details = [_details(record) for record in records]
    if options.json:
        print_json(details)
    else:
        time = "delivered_at" if state == "sent" else "created_at"
        columns = ("position", "message_id", "type", "state", "attempts", time, "reason")
        print_messages(columns, details)
    return ExitCode.OK


def show_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Show one message with all its columns."""
    return _show(outbox.get(options.message_id), "message", options)


def edit_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Change the payload of a message that is parked or discarded."""
    payload = sys.stdin.read() if options.payload == "-" else options.payload
    return _show(outbox.edit(options.message_id, payload), "parked or discarded message", options)


def replay_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Make parked or discarded messages pending again."""
    return _change(outbox, options, outbox.replay, "replayed", "parked")


def discard_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Decide never to send parked messages."""
    return _change(outbox, options, outbox.discard, "discarded", "parked")


def resend_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Make sent messages pending again."""
    return _change(outbox, options, outbox.resend, "resent", "sent")


def purge_(outbox: SyncOutbox, options: Namespace) -> ExitCode:
    """Delete messages that were sent some time ago."""
    refused = _refusal(outbox, options, "delete", "sent")
    if refused is not None:
        return refused
    matching = selection(options)
    deleted = outbox.purge(options.older_than, matching=matching, batch_size=options.batch_size)
    _report("deleted", deleted, options)
    return ExitCode.OK


def _change(
    outbox: SyncOutbox, options: Namespace, change: Callable[..., int], done: str, state: str
) -> ExitCode:
    """Change messages: those that are named, or after a look those that the filters leave."""
    if options.message_ids:
        return _report(done, change(options.message_ids), options)
    refused = _refusal(outbox, options, options.command, state)
    if refused is not None:
        return refused
    return _report(done, change(matching=selection(options)), options)


def _refusal(outbox: SyncOutbox, options: Namespace, what: str, state: str) -> ExitCode | None:
    return refusal(
        options,
        what,
        lambda: outbox.select(state, matching=selection(options)),
        f"{state} message",
        "sent" if state == "sent" else "created",
    )


def _report(done: str, count: int, options: Namespace) -> ExitCode:
    if options.json:
        print_json({done: count})
    else:
        print(f"{done} {count} message(s)")  # noqa: T201
    return ExitCode.OK if count else ExitCode.NOT_FOUND


def _show(record: StoredMessage | None, what: str, options: Namespace) -> ExitCode:
    if record is None:
        complain(f"there is no {what} {options.message_id}")
        return ExitCode.NOT_FOUND
    details = _details(record)
    if options.json:
        print_json(details)
    else:
        print_details(details)
    return ExitCode.OK


def _details(record: StoredMessage) -> dict[str, Any]:
    return {**asdict(record), "type": wire_type(record.name, record.schema_version)}
