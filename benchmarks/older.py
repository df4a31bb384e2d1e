"""The older version, which has the same name and so needs a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .contender import Case, Contender, Meter, Sample

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Versions:
    """The import paths of each version of the package.

    Attributes:
        ours: the paths for this version.
        older: the paths for the older version; empty if it is not installed.
    """

    ours: tuple[str, ...]
    older: tuple[str, ...]

    @classmethod
    def found(cls, older: Path | None) -> Versions:
        """Find the versions.

        Args:
            older: the folder of the older version, if it is installed.

        Raises:
            ValueError: the folder does not contain it.
        """
        site = sysconfig.get_path("purelib")
        if older is None:
            return cls((str(ROOT / "src"), site), ())
        if not (older / "messagebus").is_dir():
            text = f"{older} has no messagebus in it"
            raise ValueError(text)
        return cls((str(ROOT / "src"), site), (str(older.resolve()),))


class Worker(AbstractContextManager["Worker"]):
    """A process that measures one version of the package.

    A request is a line of JSON, ``[name, arguments]``; so is an answer.

    Args:
        paths: the import paths, besides the standard library and these benchmarks.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        command = [sys.executable, "-S", "-m", "benchmarks.worker", *paths]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def ask(self, name: str, *arguments: Any) -> Any:
        """Send a request, and wait for the answer.

        Raises:
            ChildProcessError: the process gives none; its standard error says why.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            text = "it has no pipes"
            raise ChildProcessError(text)
        stdin.write(json.dumps([name, arguments]) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            text = f"the worker did not answer {name}"
            raise ChildProcessError(text)
        return json.loads(answer)

    def meter(self, case: Case, contender: Contender) -> Meter:
        """Return a function that measures a contender in that process."""
        number = self.ask("prepare", case.workload, case.colour, contender.size)
        return lambda times: Sample(*self.ask("measure", number, times))
