"""Run the shop: ``python -m examples.shop [FILE]``."""

from __future__ import annotations

import sys

from .entrypoint.cli import main

if __name__ == "__main__":
    sys.exit(main())
