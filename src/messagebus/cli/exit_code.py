"""The exit statuses of the commands."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit statuses; after 0, 2 and 3 a supervisor need not restart the process.

    Attributes:
        meaning: the explanation in the help.
    """

    meaning: str

    OK = 0, "done, or stopped on request"
    FAILED = 1, "an unexpected error; the answer was not yes; a replay has failed"
    USAGE = 2, "wrong arguments or configuration; missing tables (--drain, outbox)"
    POISON = 3, "stopped at a message that cannot be sent or handled"
    BROKER = 4, "the broker cannot be reached, or the leader sends nothing (--drain)"
    DATABASE = 5, "the database refuses, or cannot be reached (--drain, outbox)"
    UNHEALTHY = 6, "the outbox exceeds a limit"
    NOT_FOUND = 7, "no such message"
    INCOMPATIBLE = 8, "a contract breaks others"
    INTERRUPTED = 130, "stopped by a second signal; a replay, by the first: run it again"

    def __new__(cls, value: int, meaning: str) -> Self:
        """Keep the meaning beside the value."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code
