"""``python -m messagebus``, the same as the command ``messagebus``."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
