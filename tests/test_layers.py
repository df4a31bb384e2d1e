"""The contracts between the rooms of the package, as `pyproject.toml` states them."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path


def test_every_import_keeps_to_the_layers() -> None:
    """No room imports from a higher layer, no adapter from another one, nothing in a circle."""
    command = Path(sysconfig.get_path("scripts"), "lint-imports")

    linted = subprocess.run(
        [command, "--no-logo", "--no-cache"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == linted.returncode, linted.stdout + linted.stderr
