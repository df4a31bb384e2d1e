"""A line that shows how far a run has come."""

from __future__ import annotations

import time
from typing import Self, TextIO

from .outcome import Tally

_INTERVAL = 0.1


class Progress:
    """Show counts on one line of a terminal that is written over and over; nothing elsewhere.

    Args:
        stream: where to show it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._shown = ""
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()

    def show(self, tally: Tally) -> None:
        """Show the counts, at most ten times a second."""
        if not self._is_terminal or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _INTERVAL
        self._draw(f"commands: {tally.lines}, rejected: {tally.rejected}")

    def erase(self) -> None:
        """Make room for other output."""
        if self._shown:
            self._draw("")

    def write(self, text: str) -> None:
        """Write other output to the same stream; a log may go here."""
        self.erase()
        self._stream.write(text)

    def flush(self) -> None:
        """Let what was written be seen."""
        self._stream.flush()

    def _draw(self, text: str) -> None:
        blank = " " * len(self._shown)
        self._stream.write(f"\r{blank}\r{text}")
        self._stream.flush()
        self._shown = text
