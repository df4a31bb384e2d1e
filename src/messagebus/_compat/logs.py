"""The logger of the package."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def is_debugging() -> bool:
    """Return whether the package logs at level DEBUG."""
    logging = sys.modules.get("logging")
    return logging is not None and logging.getLogger("messagebus").isEnabledFor(logging.DEBUG)


def get_logger() -> Logger:
    """Return the logger of the package."""
    # Imported here because most programs never reach this line, and `logging` would add 3 ms to the
    # 20 ms in which this package is imported.
    import logging

    return logging.getLogger("messagebus")
