"""Input lines, and the commands in them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from messagebus import Command, Message

SHIPPED_FILE = Path(__file__).with_name("commands.jsonl")
_ENVELOPE = Message.model_fields.keys()  # set by the program; a line must not forge them


class Line(NamedTuple):
    """A line that is not blank."""

    number: int
    """Its number, counted from 1."""

    id: str
    """Hash of the file's name and of its content up to this line.

    It stays the same when the file is moved, or when lines are appended.
    """

    text: bytes


class InvalidLineError(Exception):
    """The line is not a valid command."""


class Lines:
    """The lines of a file, or of standard input, that are not blank.

    Args:
        file: path of the file; ``-`` for standard input.

    Attributes:
        total: number of lines; None for standard input.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, file: str) -> None:
        self._name = Path(file).name
        self._content: Iterable[bytes]
        if file == "-":
            self._content = open(0, "rb", closefd=False)  # noqa: SIM115
            self.total = None
        else:
            self._content = Path(file).read_bytes().split(b"\n")
            self.total = len([text for text in self._content if text.strip()])

    async def __aiter__(self) -> AsyncIterator[Line]:
        digest = hashlib.sha256(os.fsencode(self._name))
        number = 0
        async for text in _iterate_in_thread(self._content):
            number += 1
            if text := text.strip():
                digest.update(b"\n" + text)
                yield Line(number, digest.hexdigest(), text)


async def _iterate_in_thread(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield lines without blocking the event loop while standard input is idle."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | OSError | None] = asyncio.Queue()

    def iterate() -> None:
        with suppress(RuntimeError):  # the event loop was closed before the last line
            try:
                for text in content:
                    loop.call_soon_threadsafe(queue.put_nowait, text)
                loop.call_soon_threadsafe(queue.put_nowait, None)
            except OSError as error:
                loop.call_soon_threadsafe(queue.put_nowait, error)

    # A daemon thread does not delay the exit after an interrupt.
    Thread(target=iterate, daemon=True).start()
    while isinstance(item := await queue.get(), bytes):
        yield item
    if item is not None:
        raise item


def parse(text: bytes, commands: Iterable[type[Command]]) -> Command:
    """Read a command from a line such as ``{"command": "restock", "sku": "TEA-1", ...}``.

    Args:
        text: the line.
        commands: the classes of commands.

    Raises:
        InvalidLineError: the line is not a valid command.
    """
    by_name = {each.model_fields["metadata"].default.name: each for each in commands}
    try:
        fields = json.loads(text.decode("utf-8-sig"))
    except ValueError as error:
        reason = f"not JSON: {error}"
        raise InvalidLineError(reason) from error
    except RecursionError as error:
        reason = "not JSON: it is nested too deeply"
        raise InvalidLineError(reason) from error
    if not isinstance(fields, dict) or fields.get("command") not in list(by_name):
        reason = f'not an object whose "command" is one of {", ".join(by_name)}'
        raise InvalidLineError(reason)
    command = by_name[fields.pop("command")]
    for name in _ENVELOPE & fields.keys():
        reason = f"{name}: Input is not permitted"
        raise InvalidLineError(reason)
    try:
        return command.model_validate(fields, strict=True)
    except ValidationError as error:
        raise InvalidLineError("; ".join(map(_describe, error.errors()[:3]))) from error


def _describe(problem: ErrorDetails) -> str:
    place = ".".join(map(str, problem["loc"]))
    return f"{place if place.isprintable() else repr(place)}: {problem['msg']}"
