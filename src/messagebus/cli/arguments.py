"""The arguments of the command line."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from .exit_code import ExitCode

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse(arguments: Sequence[str] | None) -> Namespace:
    """Parse the arguments; *module* of the result has a function *run* for the command.

    Raises:
        SystemExit: the arguments are wrong, or ask for help.
    """
    parser = ArgumentParser(
        prog="python -m messagebus",
        description="Run a relay, or inspect and repair an outbox.",
        epilog="\n".join(["exit status:", *(f"  {each:3}  {each.meaning}" for each in ExitCode)]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="module", required=True, metavar="COMMAND")
    _add_relay(commands.add_parser("relay", help="send the messages of committed transactions"))
    outbox = commands.add_parser("outbox", help="inspect and repair an outbox")
    _add_outbox(outbox.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    options = parser.parse_args(arguments)
    if "all" in options and options.all == bool(options.message_ids):
        parser.error("name the messages, or use --all")
    return options


def _time(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", text)
    if match is None:
        problem = f"{text!r} is not a time: use 90, 500ms, 30s, 5m, 12h or 7d"
        raise ArgumentTypeError(problem)
    return timedelta(**{_UNITS[match[2] or "s"]: float(match[1])})


def _seconds(text: str) -> float:
    return _time(text).total_seconds()


_TIME: dict[str, Any] = {"type": _time, "metavar": "TIME"}
_SECONDS: dict[str, Any] = {"type": _seconds, "metavar": "TIME"}
_NUMBER: dict[str, Any] = {"type": int, "metavar": "N"}


def _add_relay(parser: ArgumentParser) -> None:
    _add_database(parser)
    _add_url(parser, "transport", "the destination, such as redis://host/0?stream=events")
    add = parser.add_argument
    for name, kind, default, text in (
        ("--batch-size", _NUMBER, 100, "the most messages to send at once"),
        ("--poll-interval", _SECONDS, "1s", "the longest wait before looking for messages"),
        ("--lease", _SECONDS, "15s", "time without a heartbeat after which another takes over"),
        ("--max-attempts", _NUMBER, 8, "the most attempts to send a message"),
        ("--backoff", _SECONDS, "200ms", "the first wait between attempts"),
        ("--longest-backoff", _SECONDS, "1m", "the longest wait between attempts"),
        ("--retention-batch", _NUMBER, 1000, "the most messages to delete at once"),
        ("--retention-interval", _SECONDS, "1m", "the wait once nothing is left to delete"),
    ):
        add(name, **kind, default=default, help=f"{text} ({default})")
    poison = "what to do with a message that cannot be sent (park)"
    add("--on-poison", choices=["park", "stop"], default="park", help=poison)
    add("--retention", **_TIME, help="how long to keep sent messages (for ever)")
    add("--drain", action="store_true", help="send all pending messages, then exit")
    add("--create-tables", action="store_true", help="create the tables if they do not exist")
    add("--log-format", choices=["text", "json"], default="text")
    add("--log-level", choices=["debug", "info", "warning", "error"], default="info")


def _add_outbox(commands: Any) -> None:
    def command(name: str, text: str) -> Callable[..., Any]:
        parser: ArgumentParser = commands.add_parser(name, help=text)
        _add_database(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        return parser.add_argument

    add = command("status", "show the pending and parked messages, and the leader")
    count = "count the sent messages as well, which reads the whole table"
    add("--count-sent", action="store_true", help=count)
    add("--max-age", **_SECONDS, help="fail if a message waits longer")
    add("--max-parked", **_NUMBER, help="fail if more messages are parked")
    add = command("list", "list messages of one state")
    states = ["parked", "pending", "sent", "discarded", "private"]
    add("--state", choices=states, default="parked", help="the state (parked)")
    add("--after", type=int, default=0, metavar="POSITION", help="begin after this position")
    add("--limit", **_NUMBER, default=100, help="the most messages to list (100)")
    add = command("show", "show one message")
    add("message_id", type=UUID)
    for name, text in (
        ("replay", "send parked or discarded messages, as if they had never been tried"),
        ("discard", "decide never to send parked messages"),
    ):
        add = command(name, text)
        add("message_ids", type=UUID, nargs="*", help="the messages; or --all")
        add("--all", action="store_true", help="all parked messages")
    add = command("purge", "delete sent messages")
    add("--older-than", **_TIME, required=True, help="delete what was sent more than TIME ago")
    add("--batch-size", **_NUMBER, default=1000, help="the most messages to delete at once (1000)")


def _add_database(parser: ArgumentParser) -> None:
    _add_url(parser, "database", "the database, such as sqlite:///shop.db")
    prefix = "the prefix of the table names (messagebus_)"
    parser.add_argument("--prefix", default="messagebus_", help=prefix)
    parser.add_argument("--schema", help="the schema of the tables")


def _add_url(parser: ArgumentParser, name: str, text: str) -> None:
    """Add an argument that an environment variable may supply, to keep passwords hidden."""
    variable = f"MESSAGEBUS_{name.upper()}"
    value, text = os.environ.get(variable), f"{text} (${variable})"
    parser.add_argument(
        f"--{name}", default=value, required=value is None, metavar="URL", help=text
    )
