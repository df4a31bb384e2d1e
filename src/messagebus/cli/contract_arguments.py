"""The arguments of ``messagebus contracts``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from . import values
from .options import FLAG, add_command

_COMMANDS = {"write", "check", "-h", "--help"}


def with_command(arguments: Sequence[str] | None) -> list[str]:
    """Return arguments in which ``contracts APP`` is ``contracts write APP``."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if given[:1] == ["contracts"] and given[1:] and given[1] not in _COMMANDS:
        given.insert(1, "write")
    return given


def add_contracts(commands: Any) -> None:
    """Add the commands that write and check a contract."""
    parser = add_command(
        commands, "write", "write the schemas of what an application sends and takes"
    )
    text = "a bus, an object with `bus`, or a function that returns one, such as shop.app:bus"
    parser.add_argument("application", metavar="APP", help=text)
    add = parser.option
    add("--output", "the folder to write to", default="contracts", metavar="DIR")
    add("--transport", "where the relay sends, as for `relay`", metavar="URL")
    add("--stream", "what the consumer reads, as for `consume`", metavar="URL")
    commas = "with commas in between, or none"
    published = f"what it publishes, {commas} (what the metadata say)"
    add("--publishes", published, values.names, metavar="NAMES")
    consumed = f"what it takes from others, {commas} (what it hears and does not raise)"
    add("--consumes", consumed, values.names, metavar="NAMES")
    add("--json", "print JSON", **FLAG)
    parser = add_command(commands, "check", "tell what a change of the contracts breaks, and whom")
    which = "a folder, or its asyncapi.json; - is standard input"
    parser.add_argument("old", metavar="OLD", help=f"the contracts so far: {which}")
    parser.add_argument("new", metavar="NEW", help="the contracts from now on, in the same form")
    modes = ["backward", "forward", "full"]
    promise = "new reads old, old reads new, or both"
    parser.option("--mode", promise, choices=modes, default="full")
    parser.option("--json", "print JSON", **FLAG)
