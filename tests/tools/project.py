"""A small project for the tests of the generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from unasync_gen import MARK, main

RULE = '[[rule]]\nfrom = "pk/_async"\nto = "pk/_sync"\n'


@dataclass
class Project:
    """A project with one rule, and the output of the generator's last run."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(dedent(text).lstrip("\n"), "utf-8")

    def generate(self, *arguments: str) -> int:
        status = main(["--root", str(self.root), *arguments])
        self.out, self.err = self.capsys.readouterr()
        return status

    def files(self) -> dict[str, bytes]:
        paths = sorted(self.root.rglob("*.py"))
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}

    def twin(self, name: str = "a.py") -> str:
        """Return a twin without its header."""
        text = (self.root / "pk/_sync" / name).read_text("utf-8")
        header = f"{MARK}# pk/_async/{name}\n"
        assert text.startswith(header)
        return text.removeprefix(header)
