"""Tables of text."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """Lay rows out in columns, texts to the left and numbers to the right."""
    lines = [header, *rows]
    widths = [max(len(str(cell)) for cell in column) for column in zip(*lines, strict=True)]
    numeric = [all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)]
    rights = numeric or [False] * len(header)
    return "".join(_row(line, widths, rights) for line in lines)


def _row(cells: Sequence[str | int], widths: Sequence[int], rights: Sequence[bool]) -> str:
    text = "  ".join(
        str(cell).rjust(width) if right else str(cell).ljust(width)
        for cell, width, right in zip(cells, widths, rights, strict=True)
    )
    return f"  {text.rstrip()}\n"
