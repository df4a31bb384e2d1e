"""The arguments of the commands."""

from __future__ import annotations

import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from .._ranges import LARGEST, SHORTEST
from . import values
from .contract_arguments import add_contracts, with_command
from .exit_code import ExitCode
from .options import (
    BATCH,
    FLAG,
    POSITION,
    SECONDS,
    add_command,
    add_confirmation,
    add_database,
    add_filter,
    add_letter_filter,
    add_log,
    add_page,
    add_watching,
)
from .parser import Parser

_LONGEST_LEASE = 24 * 86_400.0
_FILTERS: list[str] = ["name", "kind", "correlation", "since", "until", "reason"]
_FILTERS += ["consumer", "type", "error_type", "error", "message_id"]


def parse(arguments: Sequence[str] | None) -> Namespace:
    """Parse the arguments; *module* of the result has a function *run* for the command.

    Raises:
        SystemExit: the arguments are wrong, or ask for help.
    """
    parser = Parser(
        prog="messagebus",
        description="Run a relay, a consumer or a page, or inspect and repair an outbox.",
        epilog="\n".join(["exit status:", *(f"  {each:3}  {each.meaning}" for each in ExitCode)]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    package = sys.modules[__name__.partition(".")[0]]
    version = f"messagebus {package.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="module", required=True, metavar="COMMAND")
    _add_relay(add_command(commands, "relay", "send the messages of committed transactions"))
    _add_consume(add_command(commands, "consume", "apply the messages of a stream, each once"))
    _add_replay(add_command(commands, "replay", "rebuild a read model from stored events"))
    _add_describe(
        add_command(commands, "describe", "show the messages, the listeners, what they raise")
    )
    agree = "write and check contracts with other teams; APP alone writes"
    contracts = add_command(commands, "contracts", agree, epilog=None)
    add_contracts(contracts.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    outbox = add_command(commands, "outbox", "inspect and repair an outbox", epilog=None)
    _add_outbox(outbox.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    history = add_command(commands, "history", "look at what was handled", epilog=None)
    _add_history(history.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    letters = add_command(
        commands, "deadletters", "inspect, repair, replay dead letters", epilog=None
    )
    _add_deadletters(letters.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    _add_web(add_command(commands, "web", "serve a page that shows and repairs an outbox"))
    options, rest = parser.parse_known_args(with_command(arguments))
    chosen: Parser = options.parser
    chosen.refuse_rest(rest)
    chosen.complete(options)
    if "all" in options:
        _ensure_chosen(chosen, options)
    if options.module == "describe" and options.json and options.format != "table":
        chosen.error("--json and --format exclude each other")
    return options


def _ensure_chosen(parser: Parser, options: Namespace) -> None:
    """Ensure that what is to be changed is named, filtered, or all of it."""
    is_outbox = options.module == "outbox"
    named = options.message_ids if is_outbox else options.positions
    given = (getattr(options, name, None) for name in _FILTERS)
    by_filter = options.all or any(each is not None for each in given)
    # Filters may narrow what is named of the dead letters; the environment may name the consumer.
    if not (named or by_filter) or (is_outbox and named and by_filter):
        what = "messages" if is_outbox else "dead letters"
        parser.error(f"name the {what}, or choose them by a filter, or use --all")
    if named and options.dry_run:
        shows = f"`{options.module} show` shows a {'message' if is_outbox else 'letter'}"
        parser.error(f"--dry-run counts what filters choose; {shows}")


def _add_relay(parser: Parser) -> None:
    add_database(parser)
    add = parser.option
    add(
        "--transport",
        "the destination, such as redis://host/0?stream=events",
        required=True,
        metavar="URL",
    )
    add("--batch-size", "the most messages to send at once", default="500", **BATCH)
    poll: dict[str, Any] = {**SECONDS, "convert": values.seconds(least=SHORTEST)}
    add("--poll-interval", "the longest wait before looking for messages", default="1s", **poll)
    lease = values.seconds(least=SHORTEST, most=_LONGEST_LEASE)
    silence = "time without a heartbeat after which another takes over"
    add("--lease", silence, lease, default="15s", metavar="TIME")
    add(
        "--max-attempts",
        "the most attempts to send a message",
        values.whole(),
        default="8",
        metavar="N",
    )
    add("--backoff", "the first wait between attempts", default="200ms", **SECONDS)
    add("--longest-backoff", "the longest wait between attempts", default="1m", **SECONDS)
    poison = "what to do with a message that cannot be sent"
    add("--on-poison", poison, choices=["park", "stop"], default="park")
    keep = "how long to keep sent messages; needs a unit (for ever)"
    add("--retention", keep, values.time_with_unit, metavar="TIME")
    add("--retention-batch", "the most messages to delete at once", default="1000", **BATCH)
    add("--retention-interval", "the wait once nothing is left to delete", default="1m", **SECONDS)
    add("--drain", "send all pending messages, then exit", **FLAG)
    add("--create-tables", "create the tables if they do not exist", **FLAG)
    add_watching(parser)


def _add_consume(parser: Parser) -> None:
    text = "the application, such as shop.app:app: an object with `bus` and `unit_of_work`"
    parser.add_argument("application", metavar="APP", help=text)
    add, number = parser.option, values.whole()
    stream = "the stream, such as redis://host/0?stream=events"
    add("--stream", stream, required=True, metavar="URL")
    name = "the name of the consumer; each name gets every message"
    add("--consumer", name, required=True, metavar="NAME")
    at_once = "how many ordering keys to work on at the same time"
    add("--concurrency", at_once, number, default="1", metavar="N")
    add("--transaction-batch", "the most messages of a transaction", default="1", **BATCH)
    add("--prefetch", "the most messages to hold", default="200", **BATCH)
    most = "the most attempts to handle a message"
    add("--max-attempts", most, number, default="8", metavar="N")
    longest = "the longest time to handle a message; what takes longer has failed (no limit)"
    add("--handling-timeout", longest, values.seconds(least=SHORTEST), metavar="TIME")
    add("--backoff", "the first wait between attempts", default="200ms", **SECONDS)
    add("--longest-backoff", "the longest wait between attempts", default="1m", **SECONDS)
    unknown = "what to do with a message of an unknown type"
    add("--on-unknown", unknown, choices=["skip", "bury", "stop"], default="skip")
    behind = "what to do with what is behind a dead letter of the same key"
    add("--on-dead-letter", behind, choices=["pass", "bury"], default="pass")
    keep = "how long to remember what was handled; needs a unit"
    add("--retention", keep, values.time_with_unit, default="7d", metavar="TIME")
    lease = values.seconds(least=1.0, most=_LONGEST_LEASE)
    silence = "how long a process that does not answer keeps its partitions"
    add("--lease", silence, lease, default="10s", metavar="TIME")
    add("--drain", "handle all there is, then exit", **FLAG)
    add_watching(parser)


def _add_replay(parser: Parser) -> None:
    text = "the read model, such as shop.readers:app: an object with `bus` and `unit_of_work`"
    parser.add_argument("application", metavar="APP", help=text)
    name = "its name, under which the position is stored"
    parser.option("--read-model", name, required=True, metavar="NAME")
    add_database(parser)
    names = "only messages of these names, with commas in between"
    parser.option("--names", names, values.names, metavar="NAMES")
    after = "begin the first run after this position"
    parser.option("--after", after, POSITION, default="0", metavar="N")
    iso = "only what was created since then: 2026-11-22T21:25 (UTC) or a TIME ago"
    parser.option("--since", iso, values.point_in_time, metavar="WHEN")
    parser.option("--batch-size", "the most messages of a transaction", default="500", **BATCH)
    parser.option("--json", "print JSON, a line for each progress", **FLAG)


def _add_web(parser: Parser) -> None:
    add_database(parser)
    add = parser.option
    app = "the application, such as shop.app:app, for its map and to replay dead letters"
    add("--app", app, metavar="APP")
    add("--host", "the address to listen on", default="127.0.0.1", metavar="ADDRESS")
    port = values.whole(least=0, most=65_535)
    add("--port", "the port; 0 for any that is free", port, default="8765", metavar="N")
    add_log(parser)


def _add_describe(parser: Parser) -> None:
    text = "a bus, an object with `bus`, or a function that returns one, such as shop.app:bus"
    parser.add_argument("application", metavar="APP", help=text)
    parser.option(
        "--format", "how to show it", choices=["table", "mermaid", "svg"], default="table"
    )
    parser.option("--json", "print JSON", **FLAG)
    parser.option("--output", "the file to write; by default standard output", metavar="FILE")


def _add_outbox(commands: Any) -> None:
    def command(name: str, text: str) -> Parser:
        return _on_database(commands, name, text)

    parser = command("status", "show the pending and parked messages, and the leader")
    count = "count the sent messages as well, which reads the whole table"
    parser.option("--count-sent", count, **FLAG)
    parser.option("--max-age", "fail if a message waits longer", **SECONDS)
    at_most = values.whole(least=0)
    parser.option("--max-parked", "fail if more messages are parked", at_most, metavar="N")
    parser = command("list", "list messages of one state")
    states = ["parked", "pending", "sent", "discarded", "private"]
    parser.option("--state", "the state", choices=states, default="parked", metavar="STATE")
    add_filter(parser)
    add_page(parser, "messages")
    parser = command("show", "show one message")
    parser.add_argument("message_id", type=values.uuid, metavar="ID")
    parser = command("edit", "change the payload of a parked or discarded message")
    parser.add_argument("message_id", type=values.uuid, metavar="ID")
    payload = "the new payload; - reads it from standard input"
    parser.option("--payload", payload, required=True)
    for name, text, which in (
        ("replay", "send parked or discarded messages, as if never tried", "parked"),
        ("discard", "decide never to send parked messages", "parked"),
        ("resend", "send again what was sent, as after the loss of a stream", "sent"),
    ):
        parser = command(name, text)
        parser.add_argument("message_ids", type=values.uuid, nargs="*", metavar="ID")
        parser.option("--all", f"all {which} messages, or those that the filters leave", **FLAG)
        add_filter(parser)
        add_confirmation(parser)
    command("upgrade", "bring the tables to the version of this package")
    parser = command("purge", "delete sent messages")
    age = "delete what was sent more than TIME ago; needs a unit"
    parser.option("--older-than", age, values.time_with_unit, required=True, metavar="TIME")
    add_filter(parser, by_time=False)
    parser.option("--batch-size", "the most messages to delete at once", default="1000", **BATCH)
    add_confirmation(parser)


def _add_deadletters(commands: Any) -> None:
    parser = _on_database(commands, "list", "list dead letters")
    add_letter_filter(parser)
    add_page(parser, "letters")
    parser = _on_database(commands, "show", "show one dead letter")
    parser.add_argument("position", type=POSITION, metavar="POSITION")
    parser = _on_database(commands, "edit", "change what is replayed; the bytes stay")
    parser.add_argument("position", type=POSITION, metavar="POSITION")
    parser.option("--payload", "the new payload; - reads it from standard input")
    parser.option("--new-type", "the new name and version, such as book_lent_v2")
    for name, text in (
        ("discard", "delete dead letters, never to handle them"),
        ("replay", "handle dead letters again, each once"),
    ):
        parser = _on_database(commands, name, text)
        if name == "replay":
            what = "bus and unit of work, as module:object, such as shop.app:app"
            parser.add_argument("application", metavar="APP", help=what)
            most = "the most letters to replay"
            parser.option("--limit", most, default="1000", **BATCH)
        parser.add_argument("positions", type=POSITION, nargs="*", metavar="POSITION")
        parser.option("--all", "all dead letters, or those that the filters leave", **FLAG)
        add_letter_filter(parser)
        add_confirmation(parser)


def _add_history(commands: Any) -> None:
    parser = _on_database(commands, "tree", "show what a message has caused")
    which = "the message, or the first message of a cascade"
    parser.add_argument("identifier", type=values.uuid, metavar="ID", help=which)
    most, number = "the most messages of the cascade to read", values.whole(most=LARGEST - 1)
    parser.option("--limit", most, number, default="1000", metavar="N")


def _on_database(commands: Any, name: str, text: str) -> Parser:
    parser = add_command(commands, name, text)
    add_database(parser)
    limit: dict[str, Any] = {**SECONDS, "convert": values.seconds(least=SHORTEST)}
    wait = "the longest that the database may take for a step"
    parser.option("--timeout", wait, default="1m", **limit)
    parser.option("--json", "print JSON", **FLAG)
    return parser
