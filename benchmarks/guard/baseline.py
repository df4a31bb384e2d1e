"""The counts that were there before, for each version of Python that is supported."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from .counting import Counts

FILE = Path(__file__).with_name("baseline.json")

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

TOLERANCE = {"instructions": 0.02, "calls": 0.02, "bytes": 0.10}
"""
By how much a count may exceed the baseline, as a part of it.

Instructions and calls do not vary from run to run, bytes by some hundredths. But a release of
Python may change its own library a little, and a correction may cost an instruction or two: that is
no reason to write a new baseline.
"""


class Change(NamedTuple):
    """A count that is not within the tolerance of the baseline."""

    path: str
    what: str
    before: float
    after: float

    @property
    def worse(self) -> bool:
        """Whether it is more than it was."""
        return self.after > self.before

    def __str__(self) -> str:
        share = f" ({self.after / self.before - 1:+.0%})" if self.before else ""
        return f"{self.path}: {self.after:g} {self.what}, were {self.before:g}{share}"


class Baseline(NamedTuple):
    """What was counted on one version of Python.

    Attributes:
        counted_with: the releases of Python and of pydantic.
        paths: the counts of each path.
    """

    counted_with: dict[str, str]
    paths: dict[str, Counts]


def counted_with() -> dict[str, str]:
    """Return the releases that this process counts with."""
    return {"python": platform.python_version(), "pydantic": version("pydantic")}


def read(file: Path = FILE) -> Baseline | None:
    """Return the baseline for this version of Python, if there is one."""
    if not file.exists():
        return None
    found = json.loads(file.read_text("utf-8")).get(VERSION)
    if found is None:
        return None
    paths = {name: Counts(**each) for name, each in found["paths"].items()}
    return Baseline(found["counted_with"], paths)


def write(counts: Mapping[str, Counts], file: Path = FILE) -> None:
    """Write the baseline for this version of Python; leave the others as they are."""
    content = json.loads(file.read_text("utf-8")) if file.exists() else {}
    paths = {name: each._asdict() for name, each in counts.items()}
    content[VERSION] = {"counted_with": counted_with(), "paths": paths}
    ordered = dict(sorted(content.items(), key=lambda item: [int(n) for n in item[0].split(".")]))
    file.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


def changes(
    before: Baseline, after: Mapping[str, Counts], releases: Mapping[str, str]
) -> Iterator[Change]:
    """Yield what is out of tolerance, in both directions.

    Bytes are compared only with the release of pydantic that the baseline has: most are its own.
    """
    same = before.counted_with["pydantic"] == releases["pydantic"]
    for path, counts in after.items():
        if path not in before.paths:
            continue
        for what, count in counts._asdict().items():
            was = before.paths[path]._asdict()[what]
            if abs(count - was) > was * TOLERANCE[what] and (same or what != "bytes"):
                yield Change(path, what, was, count)
