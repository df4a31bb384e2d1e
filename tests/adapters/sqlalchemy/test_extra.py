"""The library of an adapter is needed only by its users."""

from __future__ import annotations

import subprocess
import sys

ABSENT = """
import sys
sys.modules["sqlalchemy"] = None
import messagebus
try:
    import messagebus.adapters.sqlalchemy
except messagebus.exceptions.MissingExtraError as error:
    print(error.extra, error)
"""


def run(program: str) -> str:
    """Run a program in a fresh interpreter and return its output."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    ).stdout


def test_importing_the_bus_imports_no_sqlalchemy() -> None:
    """The adapter is imported when it is asked for."""
    assert "[]\n" == run(
        "import sys, messagebus; print([name for name in sys.modules if 'sqlalchemy' in name])"
    )


def test_a_missing_extra_is_named() -> None:
    """The error says what to install."""
    assert run(ABSENT).startswith(
        "sqlalchemy messagebus.adapters.sqlalchemy needs the extra 'sqlalchemy': "
    )
