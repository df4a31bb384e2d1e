"""The machine and the packages that a run was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .older import ROOT
from .peers import versions


def describe() -> dict[str, Any]:
    """Describe the machine, the interpreter and the packages."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "packages": {
            "messagebus": f"{version('messagebus')}{_revision()}",
            "pydantic": version("pydantic"),
            "pydantic-core": version("pydantic-core"),
            **versions(),
        },
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _revision() -> str:
    """Return the revision of the sources, if they are under version control."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" ({done.stdout.strip()})"
