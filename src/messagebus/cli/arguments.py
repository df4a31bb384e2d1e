"""The arguments of the command line."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from .exit_code import ExitCode

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_EXIT_CODES = f"""exit status:
  {ExitCode.OK:3}  done, or stopped as asked
  {ExitCode.FAILED:3}  something unexpected happened
  {ExitCode.USAGE:3}  wrong arguments or configuration, or the tables are missing
  {ExitCode.POISON:3}  stopped at a message that can not be sent
  {ExitCode.BROKER:3}  the broker can not be reached, or who leads sends nothing (to drain)
  {ExitCode.DATABASE:3}  the database refuses, or (to drain, or for the outbox) can not be reached
  {ExitCode.UNHEALTHY:3}  the outbox is not as well as was asked for
  {ExitCode.NOT_FOUND:3}  no such message
  {ExitCode.INTERRUPTED:3}  told to stop twice: what was held may be sent again
"""


def parse(arguments: Sequence[str] | None) -> Namespace:
    """Read the arguments; *run* of what is returned is the command to run.

    Raises:
        SystemExit: they are wrong, or ask for help.
    """
    parser = ArgumentParser(
        prog="python -m messagebus",
        description="Run a relay, or look after an outbox.",
        epilog=_EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_relay(commands.add_parser("relay", help="send what transactions have left to be sent"))
    outbox = commands.add_parser("outbox", help="look after an outbox")
    _add_outbox(outbox.add_subparsers(required=True, metavar="COMMAND"))
    options = parser.parse_args(arguments)
    if "all" in options and options.all == bool(options.message_ids):
        parser.error("name the messages, or say --all")
    return options


def _add_relay(parser: ArgumentParser) -> None:
    parser.set_defaults(run=_later("relay", "run"))
    _add_database(parser)
    _add_url(
        parser,
        "--transport",
        "MESSAGEBUS_TRANSPORT",
        "where to send, such as redis://host/0?stream=events",
    )
    add = parser.add_argument
    add("--batch-size", type=int, default=100, metavar="N", help="messages to send at once (100)")
    add(
        "--poll-interval", type=_seconds, default=1.0, metavar="TIME", help="how often to look (1s)"
    )
    add(
        "--lease",
        type=_seconds,
        default=15.0,
        metavar="TIME",
        help="when others take over from a relay that does not answer (15s)",
    )
    add("--max-attempts", type=int, default=8, metavar="N", help="attempts for each message (8)")
    add("--backoff", type=_seconds, default=0.2, metavar="TIME", help="the first wait (200ms)")
    add("--longest-backoff", type=_seconds, default=60.0, metavar="TIME", help="the longest (1m)")
    add(
        "--on-poison",
        choices=["park", "stop"],
        default="park",
        help="what to do with a message that can not be sent (park)",
    )
    add("--retention", type=_time, metavar="TIME", help="delete what was sent so long ago (never)")
    add(
        "--retention-batch",
        type=int,
        default=1000,
        metavar="N",
        help="rows to delete at once (1000)",
    )
    add(
        "--retention-interval",
        type=_seconds,
        default=60.0,
        metavar="TIME",
        help="how often to look for what to delete (1m)",
    )
    add("--drain", action="store_true", help="send all that is pending, then leave")
    add("--create-tables", action="store_true", help="create the tables that are missing")
    add("--log-format", choices=["text", "json"], default="text")
    add("--log-level", choices=["debug", "info", "warning", "error"], default="info")


def _add_outbox(commands: Any) -> None:
    def command(name: str, function: str, help: str) -> Callable[..., Any]:  # noqa: A002
        parser: ArgumentParser = commands.add_parser(name, help=help)
        parser.set_defaults(run=_later("outbox", "run"), command=_later("outbox", function))
        _add_database(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        return parser.add_argument

    add = command("status", "status", "show how much is pending and parked, and who leads")
    add(
        "--count-sent",
        action="store_true",
        help="count what was sent as well, for which the whole table is read",
    )
    add("--max-age", type=_seconds, metavar="TIME", help="fail if something waits for longer")
    add("--max-parked", type=int, metavar="N", help="fail if more is parked")
    add = command("list", "list_", "list messages of a state")
    states = ["parked", "pending", "sent", "discarded", "private"]
    add("--state", choices=states, default="parked", help="which messages (parked)")
    add("--after", type=int, default=0, metavar="POSITION", help="where to begin")
    add("--limit", type=int, default=100, metavar="N", help="how many at most (100)")
    add = command("show", "show", "show a message")
    add("message_id", type=UUID)
    for name, help in (  # noqa: A001
        ("replay", "let messages be sent that were given up"),
        ("discard", "give messages up for good"),
    ):
        add = command(name, name, help)
        add("message_ids", type=UUID, nargs="*", help="which; or --all")
        add("--all", action="store_true", help="all that are parked")
    add = command("purge", "purge", "delete what was sent")
    add("--older-than", type=_time, required=True, metavar="TIME", help="how long ago, such as 7d")
    add("--batch-size", type=int, default=1000, metavar="N", help="messages to delete at once")


def _add_database(parser: ArgumentParser) -> None:
    _add_url(parser, "--database", "MESSAGEBUS_DATABASE", "such as sqlite:///shop.db")
    parser.add_argument("--prefix", default="messagebus_", help="how the names of tables begin")
    parser.add_argument("--schema", help="where the tables are")


def _add_url(parser: ArgumentParser, name: str, variable: str, help: str) -> None:  # noqa: A002
    """Add an argument that may be given by the environment, where nobody can see a password."""
    value = os.environ.get(variable)
    parser.add_argument(
        name, default=value, required=value is None, metavar="URL", help=f"{help} (${variable})"
    )


def _later(module: str, function: str) -> Callable[..., ExitCode]:
    """Return a function whose module is imported when it is called."""

    def call(*arguments: Any) -> ExitCode:
        code: ExitCode = getattr(import_module(f"{__package__}.{module}"), function)(*arguments)
        return code

    return call


def _time(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", text)
    if match is None:
        problem = f"{text!r} is no time: say 90, 500ms, 30s, 5m, 12h or 7d"
        raise ArgumentTypeError(problem)
    number, unit = float(match[1]), match[2] or "s"
    return timedelta(milliseconds=number) if unit == "ms" else timedelta(**{_UNITS[unit]: number})


def _seconds(text: str) -> float:
    return _time(text).total_seconds()
