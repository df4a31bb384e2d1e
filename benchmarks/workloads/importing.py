"""Importing the package in a new process."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pydantic

import messagebus

from ..contender import BY_HAND, OLDER, OURS, Case, Contender, Meter, Role, Sample
from ..older import ROOT, Versions
from ..run import Reading
from .workload import Workload, older

MODEL = """\
import pydantic

class Book(pydantic.BaseModel):
    id: str
    title: str
"""
PACKAGE = "import messagebus"
COMMAND = """\
from messagebus import Command, Metadata

class Register(Command):
    id: str
    title: str
    metadata: Metadata = Metadata(name="register", schema_version=1)
"""
BUS = f"""\
from messagebus import AsyncAbstractUnitOfWork, AsyncMessageBus, async_listen
{COMMAND}
AsyncMessageBus()
"""
EVERYTHING = "from messagebus import *"

DEFINED = "and a command defined"
MADE = "and a command and a bus"
ALL_NAMES = "and every public name"
DEPENDENCIES = ("pydantic", "typing_extensions")

_PROGRAM = """\
import sys, time
sys.path[:0] = {paths!r}
before = set(sys.modules)
cpu, wall = time.process_time(), time.perf_counter()
{code}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
modules = sorted(set(sys.modules) - before)
import json
from benchmarks.readings import peak_bytes
print(json.dumps([cpu, wall, peak_bytes(), modules]))
"""


@cache
def _environment() -> dict[str, str]:
    """Return an environment in which every imported module is compiled to a cache."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _started(code: str, paths: Sequence[str]) -> Any:
    """Run code in a new process; return its times, its bytes and its imported modules."""
    program = _PROGRAM.format(paths=list(paths), code=code)
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _paths() -> list[str]:
    """Return the import paths of the package and of its dependencies."""
    return [str(Path(each.__file__ or "").parents[1]) for each in (messagebus, pydantic)]


def _contender(name: str, role: Role, code: str, size: str = "") -> Contender:
    def meter() -> Meter:
        paths = _paths()
        _started(code, paths)  # fills the cache of compiled modules

        def measure(times: int) -> Sample:
            taken = [_started(code, paths)[:2] for _ in range(times)]
            return Sample(sum(each[0] for each in taken), sum(each[1] for each in taken))

        return measure

    return Contender(name=name, role=role, meter=meter, size=size)


def _readings(versions: Versions, quick: bool) -> list[Reading]:
    """Read the memory that importing takes and the third-party modules that it loads."""
    found = []
    runs = 1 if quick else 5
    for name, code, size, paths in (
        (BY_HAND, MODEL, "", versions.ours),
        (OURS, PACKAGE, "", versions.ours),
        (OURS, COMMAND, DEFINED, versions.ours),
        (OURS, BUS, MADE, versions.ours),
        (OURS, EVERYTHING, ALL_NAMES, versions.ours),
        (OLDER, COMMAND, DEFINED, versions.older),
    ):
        if paths:
            started = [_started(code, paths) for _ in range(runs)]
            mebibytes = min(each[2] for each in started) / 2**20
            foreign = sorted(_unexpected(started[0][3], _started(MODEL, paths)[3]))
            count = len(foreign)
            found += [
                _reading(name, f"memory {size}".strip(), round(mebibytes, 2), "MiB"),
                _reading(name, f"modules {size}".strip(), count, "modules", ", ".join(foreign)),
            ]
    return found


def _unexpected(modules: Sequence[str], of_pydantic: Sequence[str]) -> set[str]:
    """Return the imported adapters and third-party modules, except pydantic's."""
    tops = {each.partition(".")[0] for each in modules} - {"messagebus", "__mp_main__"}
    allowed = {each.partition(".")[0] for each in of_pydantic} | set(sys.stdlib_module_names)
    adapters = {each for each in modules if each.startswith("messagebus.adapters.")}
    return (tops - allowed - set(DEPENDENCIES)) | adapters


def _reading(name: str, size: str, value: float, unit: str, text: str = "") -> Reading:
    return Reading(
        workload="importing",
        colour="",
        contender=name,
        size=size,
        value=value,
        unit=unit,
        text=text,
    )


WORKLOAD = Workload(
    name="importing",
    title="Importing the package",
    text="Time of the statements alone, in a new process each time, from compiled files, without "
    "the site module. *By hand* imports pydantic and defines a model; *and a command defined* is "
    "the equivalent with this package. *Modules* are adapters, and third-party modules beyond "
    "those of pydantic.",
    cases=(
        Case(
            workload="importing",
            colour="",
            contenders=(
                _contender(BY_HAND, "by hand", MODEL),
                _contender(OURS, "ours", PACKAGE),
                _contender(OURS, "ours", COMMAND, DEFINED),
                _contender(OURS, "ours", BUS, MADE),
                _contender(OURS, "ours", EVERYTHING, ALL_NAMES),
                older(),
                older(size=DEFINED),
                older(size=MADE),
                older(size=ALL_NAMES),
            ),
        ),
    ),
    readings=_readings,
)
