"""Where the lines come from."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore, Thread

SHIPPED_FILE = Path(__file__).parents[1] / "data" / "commands.jsonl"
_STDIN = 0
_READ_AHEAD = 100


class UnreadableError(Exception):
    """The input can not be read, or not to its end."""

    def __init__(self, name: str, cause: OSError) -> None:
        super().__init__(f"cannot read {name}: {cause.strerror or cause}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        number: its number, counted from 1.
        id: the same whenever it is read again, from a file that may have grown behind it.
        text: what it says.
    """

    number: int
    id: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """A file of lines, or standard input.

    Attributes:
        path: the path of the file; None for standard input.
    """

    path: Path | None

    @classmethod
    def choose(cls, argument: str | None) -> Source:
        """Choose what to read: what the argument names, or the shipped file.

        Args:
            argument: a path; ``-`` for standard input; None if none was given.
        """
        if argument == "-":
            return cls(None)
        return cls(SHIPPED_FILE if argument is None else Path(argument))

    def __str__(self) -> str:
        return "standard input" if self.path is None else str(self.path)

    async def lines(self) -> AsyncIterator[Line]:
        """Yield the lines as they come.

        A line is identified by the name of the file, and by all that stands in it up to the end
        of the line: where the file is, and what is added to it later, does not matter.

        Raises:
            UnreadableError: they can not be read.
        """
        name = "-" if self.path is None else self.path.name
        digest = hashlib.sha256(os.fsencode(name))
        number = 0
        async for line in self._read():
            number += 1
            if text := line.strip():
                digest.update(b"\n" + text)
                yield Line(number, digest.hexdigest(), text)

    async def _read(self) -> AsyncIterator[bytes]:
        """Yield the lines that a thread reads, so that a slow input holds nobody up."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[bytes | OSError | None] = asyncio.Queue()
        room = Semaphore(_READ_AHEAD)

        def read() -> None:
            end = None
            target = _STDIN if self.path is None else self.path
            with suppress(RuntimeError):  # the loop is closed: nobody wants the lines any more
                try:
                    with open(target, "rb", closefd=target != _STDIN) as file:
                        for line in file:
                            room.acquire()
                            loop.call_soon_threadsafe(arrived.put_nowait, line)
                except OSError as error:
                    end = error
                loop.call_soon_threadsafe(arrived.put_nowait, end)

        # A daemon: an interrupt shall not have to wait until something is typed.
        Thread(target=read, daemon=True).start()
        while isinstance(line := await arrived.get(), bytes):
            room.release()
            yield line
        if line is not None:
            raise UnreadableError(str(self), line) from line
