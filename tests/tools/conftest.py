"""Fixtures of the generator's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .project import RULE, Project


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Project:
    """Return a project without sources."""
    made = Project(tmp_path, capsys)
    made.write("pyproject.toml", "[tool.ruff]\nline-length = 60\n")
    made.write("unasync.toml", RULE)
    return made
