"""Commands, and the options that several of them have."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any

from .._ranges import LARGEST
from . import values
from .parser import Parser

SECONDS: dict[str, Any] = {"convert": values.seconds(), "metavar": "TIME"}
BATCH: dict[str, Any] = {"convert": values.batch, "metavar": "N"}
FLAG: dict[str, Any] = {"convert": values.truth}
POSITION = values.whole(least=0, most=2**63 - 1)

_EPILOG = """\
Each option can also be set by the environment variable beside it; the command
line wins, and an empty variable counts as not set. TIME is 90 (seconds),
500ms, 30s, 5m, 12h or 7d."""


def add_command(commands: Any, name: str, text: str, epilog: str | None = _EPILOG) -> Parser:
    """Add a command; *text* says what it does."""
    parser: Parser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
    )
    return parser


def add_watching(parser: Parser) -> None:
    """Add the options by which a process is watched: those of its log, metrics and traces."""
    add = parser.option
    port = "serve /metrics, /healthz and /readyz on this port; 0 takes a free one (none)"
    add("--metrics-port", port, values.whole(least=0, most=65_535), metavar="PORT")
    add("--metrics-host", "the address to serve them on", default="127.0.0.1", metavar="HOST")
    connected = "what connects a message to the span that published it, where OpenTelemetry is set"
    add("--tracing", connected, choices=["link", "parent"], default="link")
    add_log(parser)


def add_log(parser: Parser) -> None:
    """Add the options of a log."""
    add = parser.option
    add("--log-format", "the format of the log", choices=["text", "json"], default="text")
    levels = ["debug", "info", "warning", "error"]
    add("--log-level", "the lowest level to log", choices=levels, default="info")


def add_page(parser: Parser, what: str) -> None:
    """Add the options of a list."""
    parser.option("--after", "begin after this position", POSITION, default="0", metavar="N")
    limit = values.whole(most=LARGEST)
    parser.option("--limit", f"the most {what} to list", limit, default="100", metavar="N")


def add_letter_filter(parser: Parser) -> None:
    """Add the filter for dead letters."""
    parser.option("--consumer", "only of this consumer", metavar="NAME")
    parser.option("--type", "only of this name or type, such as book_lent_v1")
    parser.option("--error-type", "only with an error of this class", metavar="CLASS")
    parser.option("--error", "only with this part in the text of the error")
    parser.option("--message-id", "only of this message", values.uuid, metavar="ID")
    time: dict[str, Any] = {"convert": values.point_in_time, "metavar": "WHEN"}
    iso = "2026-11-22T21:25 (UTC) or a TIME ago"
    parser.option("--since", f"only buried since then: {iso}", **time)
    parser.option("--until", "only buried before then", **time)


def add_database(parser: Parser) -> None:
    """Add the options that lead to the tables."""
    text = "the database, such as sqlite:///shop.db"
    parser.option("--database", text, required=True, metavar="URL")
    names = "the prefix of the table names"
    parser.option("--prefix", names, values.prefix, default="messagebus_")
    parser.option("--schema", "the schema of the tables")


def add_filter(parser: Parser, *, by_time: bool = True) -> None:
    """Add the filter for messages."""
    parser.option("--name", "only of this name or type, such as book_lent_v1")
    parser.option("--kind", "only of this kind", choices=["command", "event"])
    parser.option("--correlation", "only of this cascade", values.uuid, metavar="ID")
    parser.option("--reason", "only with this part in the text of the last error")
    if by_time:
        time: dict[str, Any] = {"convert": values.point_in_time, "metavar": "WHEN"}
        iso = "2026-11-22T21:25 (UTC) or a TIME ago"
        parser.option("--since", f"only created, or if sent, sent since then: {iso}", **time)
        parser.option("--until", "only created, or if sent, sent before then", **time)


def add_confirmation(parser: Parser) -> None:
    """Add the options of what asks first."""
    parser.option("--yes", "do it without asking", **FLAG)
    parser.option("--dry-run", "only show what would be done", **FLAG)
