"""The recorded counts, for each supported version of Python."""

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
The fraction by which a count may differ from the baseline.

Instructions and calls do not vary from run to run, and bytes vary by a few per cent. But a release
of Python may change its own library a little, and a fix may cost an instruction or two; neither is
a reason to write a new baseline.
"""


class Change(NamedTuple):
    """A count outside the tolerance of the baseline."""

    path: str
    what: str
    before: float
    after: float

    @property
    def worse(self) -> bool:
        """Whether the count has grown."""
        return self.after > self.before

    def __str__(self) -> str:
        share = f" ({self.after / self.before - 1:+.0%})" if self.before else ""
        return f"{self.path}: {self.after:g} {self.what}, were {self.before:g}{share}"


class Baseline(NamedTuple):
    """The counts on one version of Python.

    Attributes:
        counted_with: the releases of Python and of pydantic.
        paths: the counts of each path.
    """

    counted_with: dict[str, str]
    paths: dict[str, Counts]


def counted_with() -> dict[str, str]:
    """Return the releases of Python and pydantic in this process."""
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
    """Yield the counts out of tolerance, in both directions.

    Bytes are compared only on the baseline's release of pydantic, which allocates most of them.
    """
    same = before.counted_with["pydantic"] == releases["pydantic"]
    for path, counts in after.items():
        if path not in before.paths:
            continue
        for what, count in counts._asdict().items():
            was = before.paths[path]._asdict()[what]
            if abs(count - was) > was * TOLERANCE[what] and (same or what != "bytes"):
                yield Change(path, what, was, count)
