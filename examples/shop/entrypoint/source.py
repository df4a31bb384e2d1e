"""Where the lines come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHIPPED_FILE = Path(__file__).parents[1] / "data" / "commands.jsonl"
_STDIN = 0


class UnreadableError(Exception):
    """The input can not be read, or not to its end."""

    def __init__(self, name: str, cause: OSError) -> None:
        super().__init__(f"cannot read {name}: {cause.strerror or cause}")
        self.name = name


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

    def lines(self) -> Iterator[bytes]:
        """Yield the lines as they come.

        Raises:
            UnreadableError: they can not be read.
        """
        target = _STDIN if self.path is None else self.path
        try:
            with open(target, "rb", closefd=target != _STDIN) as file:
                yield from file
        except OSError as error:
            raise UnreadableError(str(self), error) from error
