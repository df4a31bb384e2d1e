"""``messagebus deadletters``: inspects, repairs and replays dead letters."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine

from ..adapters.sqlalchemy import (
    AsyncDeadLetters,
    DeadLetterFilter,
    OutboxTables,
    Replayed,
    StoredDeadLetter,
    SyncDeadLetters,
)
from ..service._async.registry import AsyncMessageBus
from .application import Application
from .confirmation import refusal
from .database import new_engine, run_on_tables
from .exit_code import ExitCode
from .output import complain, print_details, print_json, print_messages, print_text

Command = Callable[[SyncDeadLetters, Namespace, OutboxTables], ExitCode]


def run(options: Namespace) -> ExitCode:
    """Run the command of *options* on the dead letters of the database."""
    command: Command = globals()[f"{options.command}_"]
    return run_on_tables(
        options,
        lambda engine, tables: command(SyncDeadLetters(engine, tables=tables), options, tables),
    )


def list_(letters: SyncDeadLetters, options: Namespace, _tables: OutboxTables) -> ExitCode:
    """List dead letters."""
    found = letters.list(matching=_matching(options), after=options.after, limit=options.limit)
    details = [_details(letter) for letter in found]
    if options.json:
        print_json(details)
    else:
        columns = ("position", "message_id", "type", "consumer", "attempts", "buried_at", "reason")
        for each in details:
            each["reason"] = f"{each['error_type']}: {each['error']}"
        print_messages(columns, details)
    return ExitCode.OK


def show_(letters: SyncDeadLetters, options: Namespace, _tables: OutboxTables) -> ExitCode:
    """Show one dead letter with all its columns."""
    return _show(letters.get(options.position), options)


def edit_(letters: SyncDeadLetters, options: Namespace, _tables: OutboxTables) -> ExitCode:
    """Change what is replayed of a dead letter."""
    payload = sys.stdin.read() if options.payload == "-" else options.payload
    return _show(letters.edit(options.position, payload=payload, type=options.new_type), options)


def discard_(letters: SyncDeadLetters, options: Namespace, _tables: OutboxTables) -> ExitCode:
    """Delete dead letters."""
    refused = _refusal(letters, options)
    if refused is not None:
        return refused
    count = letters.discard(options.positions or None, matching=_matching(options))
    if options.json:
        print_json({"discarded": count})
    else:
        print(f"discarded {count} dead letter(s)")  # noqa: T201
    return ExitCode.OK if count else ExitCode.NOT_FOUND


def replay_(letters: SyncDeadLetters, options: Namespace, tables: OutboxTables) -> ExitCode:
    """Handle dead letters again."""
    application = Application.load(options.application)
    refused = _refusal(letters, options)
    if refused is not None:
        return refused
    chosen: dict[str, Any] = {
        "positions": options.positions or None,
        "matching": _matching(options),
        "limit": options.limit,
        "deserializer": application.deserializer,
        "dependencies": application.dependencies,
    }
    bus: Any = application.bus
    if isinstance(bus, AsyncMessageBus):
        replayed = asyncio.run(_replay(application, options, tables, chosen))
    else:
        replayed = letters.replay(bus, application.unit_of_work, **chosen)
    for position, error in replayed.failed.items():
        complain(f"the dead letter {position} has failed again: {type(error).__name__}: {error}")
    counts = {name: len(each) for name, each in asdict(replayed).items()}
    if options.json:
        print_json(counts)
    else:
        print(  # noqa: T201
            f"replayed {counts['handled']} dead letter(s), {counts['failed']} failed again, "
            f"{counts['passed_over']} passed over, {counts['gone']} gone"
        )
    if counts["failed"]:
        return ExitCode.FAILED
    return ExitCode.OK if counts["handled"] else ExitCode.NOT_FOUND


async def _replay(
    application: Application, options: Namespace, tables: OutboxTables, chosen: dict[str, Any]
) -> Replayed:
    engine = new_engine(create_async_engine, options.database)
    bus: Any = application.bus
    try:
        letters = AsyncDeadLetters(engine, tables=tables)
        return await letters.replay(bus, application.unit_of_work, **chosen)
    finally:
        await engine.dispose()


def _refusal(letters: SyncDeadLetters, options: Namespace) -> ExitCode | None:
    if options.positions:
        return None
    return refusal(
        options,
        options.command,
        lambda: letters.select(matching=_matching(options)),
        "dead letter",
        "buried",
    )


def _matching(options: Namespace) -> DeadLetterFilter:
    return DeadLetterFilter(
        consumer=options.consumer,
        type=options.type,
        error_type=options.error_type,
        error=options.error,
        message_id=options.message_id,
        since=options.since,
        until=options.until,
    )


def _show(letter: StoredDeadLetter | None, options: Namespace) -> ExitCode:
    if letter is None:
        complain(f"there is no dead letter {options.position}")
        return ExitCode.NOT_FOUND
    if options.json:
        print_json(_details(letter))
        return ExitCode.OK
    details = asdict(letter)
    trace = details.pop("traceback")
    print_details(details | {"body": letter.body.decode(errors="backslashreplace")})
    if trace:
        print_text(trace)
    return ExitCode.OK


def _details(letter: StoredDeadLetter) -> dict[str, Any]:
    """Return a letter for JSON, where its bytes are in Base64."""
    return {**asdict(letter), "body": b64encode(letter.body).decode()}
