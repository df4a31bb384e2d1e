"""Finding the handlers of an application."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import import_module, invalidate_caches
from pathlib import Path

from .._sync import registry as plain
from ..contender import Case, Loop
from .workload import Workload, by_hand, older, ours

MODULES = 20
HANDLERS = 50

_HEAD = """\
from messagebus import Command, Metadata, sync_listen
"""
_HANDLER = """\


class Command{number}(Command):
    id: str
    metadata: Metadata = Metadata(name="command_{number}", schema_version=1)


@sync_listen
def handle_{number}(command: Command{number}, uow: object) -> None:
    pass
"""


@cache
def package() -> str:
    """Write a package of that many modules and handlers, import it, and return its name."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    name = "scanned_application"
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    for module in range(MODULES):
        numbers = range(module * HANDLERS, (module + 1) * HANDLERS)
        text = _HEAD + "".join(_HANDLER.format(number=number) for number in numbers)
        (folder / name / f"handlers_{module}.py").write_text(text, "utf-8")
    sys.path.insert(0, str(folder))
    invalidate_caches()
    for module in range(MODULES):
        import_module(f"{name}.handlers_{module}")
    return name


def _of_package(scanning: Callable[[str], Loop]) -> Callable[[], Loop]:
    return lambda: scanning(package())


WORKLOAD = Workload(
    name="scanning",
    title="Scanning 1 000 handlers in 20 modules",
    text="Time per scan; the modules are imported beforehand. *By hand* walks the package and puts "
    "the functions with a certain name into a dict.",
    cases=(
        Case(
            workload="scanning",
            colour="sync",
            contenders=(
                by_hand(_of_package(plain.scanning_by_hand)),
                ours(_of_package(plain.scanning)),
                older(),
            ),
        ),
    ),
)
