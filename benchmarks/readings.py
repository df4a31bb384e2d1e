"""Readings of the memory of this process."""

from __future__ import annotations

import sys
from pathlib import Path


def blocks() -> int:
    """Return the number of memory blocks that the interpreter has allocated."""
    return sys.getallocatedblocks()


def resident_bytes() -> float:
    """Return the resident memory in bytes; NaN where that is unknown."""
    return _status("VmRSS")


def peak_bytes() -> float:
    """Return the peak of the resident memory in bytes; NaN where that is unknown."""
    return _status("VmHWM")


def _status(name: str) -> float:
    path = Path("/proc/self/status")
    if not path.exists():
        return float("nan")
    lines = path.read_text("ascii").splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
