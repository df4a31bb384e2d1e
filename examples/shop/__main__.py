"""Run the shop: ``python -m examples.shop [FILE] [--database URL] [--stream URL]``."""

from __future__ import annotations

import sys

from .entrypoint.extras import advice


def start() -> int:
    """Run the command, if what it needs is installed; return the exit code."""
    try:
        from .entrypoint.cli import main

        return main()
    except ImportError as error:
        text = advice(error)
        if text is None:
            raise
        print(text, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(start())
