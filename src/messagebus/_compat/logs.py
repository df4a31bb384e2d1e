"""The logger of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def get_logger() -> Logger:
    """Return the logger of the package."""
    # Imported here because most programs never reach this line, and `logging` would add 3 ms to the
    # 20 ms in which this package is imported.
    import logging

    return logging.getLogger("messagebus")
