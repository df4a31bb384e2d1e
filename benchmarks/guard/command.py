"""The command `guard`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping

from . import baseline
from .counting import Counts, counted, located


def guard(options: argparse.Namespace) -> int:
    """Count the instructions of the hot paths, and compare them with the baseline."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        again = [sys.executable, *sys.orig_argv[1:]]
        seeded = {**os.environ, "PYTHONHASHSEED": "0"}
        return subprocess.run(again, env=seeded, check=False).returncode
    from .paths import paths

    if options.where:
        return where(options.where)
    counts = {name: counted(path) for name, path in paths().items()}
    print(_table(counts))
    if options.update:
        baseline.write(counts)
        print(f"written for Python {baseline.VERSION}: {baseline.FILE}")
        return 0
    before = baseline.read()
    if before is None or before.paths.keys() != counts.keys():
        print(
            f"The baseline for Python {baseline.VERSION} is missing, or has other paths: --update"
        )
        return 1
    releases = baseline.counted_with()
    if releases != before.counted_with:
        print(f"counted with {releases}, the baseline with {before.counted_with}")
    found = list(baseline.changes(before, counts, releases))
    worse = [each for each in found if each.worse]
    for change in found:
        print(("WORSE " if change.worse else "better ") + str(change))
    if worse:
        print(
            f"{len(worse)} counts exceed the baseline. Find what was added to the path; if it is "
            "worth it, write a new baseline with --update, and say so in the commit."
        )
    elif found:
        print("No count exceeds the baseline; --update keeps what was gained.")
    else:
        print(f"{len(counts)} paths are as they were on Python {baseline.VERSION}.")
    return 1 if worse else 0


def where(name: str) -> int:
    """Print the functions in which a path executes its instructions."""
    from .paths import paths

    for function, count in located(paths()[name]).items():
        print(f"{count:8g}  {function}")
    return 0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a command line."""
    command = commands.add_parser("guard", help=guard.__doc__)
    command.add_argument("--update", action="store_true", help="write a new baseline")
    command.add_argument("--where", metavar="PATH", help="tell which functions a path runs")
    command.set_defaults(do=guard)


def _table(counts: Mapping[str, Counts]) -> str:
    lines = [f"{'':44}{'instructions':>14}{'calls':>8}{'bytes':>8}"]
    lines += [
        f"{name:44}{each.instructions:14g}{each.calls:8g}{each.bytes:8g}"
        for name, each in counts.items()
    ]
    return "\n".join(lines)
