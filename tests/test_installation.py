"""How to depend on the package: no text of ours leads to another distribution of its name."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from messagebus import _installation
from messagebus.exceptions import MissingExtraError

ROOT = Path(__file__).parents[1]
PACKAGE = Path(_installation.__file__).parent
TEXTS = [
    ROOT / "README.md",
    ROOT / "pyproject.toml",
    ROOT / "noxfile.py",
    ROOT / ".ci" / "run",
    *(
        path
        for folder in ("src", "docs", "examples", "benchmarks", "tools")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".toml", ".json", ".svg"}
    ),
]
# An installer, its command, and then our name as something to be looked up on an index: not after
# a slash, as in a path, and without a URL after it.
FROM_INDEX = re.compile(
    r"\b(?:pip3?|pipx|uv|uvx|poetry|pdm|hatch|conda|rye|easy_install)\b[^\n`]*?"
    r"\b(?:install|add|download|run|tool|with)\b[^\n`]*?"
    r"(?<![\w/.+-])messagebus(?:\[[^\]\n]*\])?(?=[\s'\"`;,)]|[=<>~!]=|$)(?!['\"]?\s*@\s*\S+[:{])",
    re.MULTILINE,
)
# Other programs that take packages from an index by name.
MISLEADING = [
    "pip install messagebus",
    "pip install 'messagebus[nats]'",
    'pip install -U "messagebus[postgres,redis]"',
    "python -m pip install messagebus[nats]",
    "run `pip install 'messagebus[{extra}]'`",
    "pip install pydantic messagebus",
    "pip install messagebus==0.16.1",
    "uv add messagebus",
    "uv pip install messagebus",
    "poetry add 'messagebus[redis]'",
    "pipx install messagebus",
    "pdm add messagebus>=1",
]
RIGHT = [
    'pip install -e ".[demo]"',
    'pip install "./messagebus[sqlite]"',
    "pip install 'messagebus[nats] @ git+https://example.org/messagebus.git'",
    'pip install "messagebus @ file:///srv/messagebus"',
    "pip install -e '/srv/messagebus[nats]'",
    "pip install git+https://example.org/messagebus.git",
    "uv add 'messagebus[nats] @ git+https://example.org/messagebus.git'",
]


def install(folder: Path, origin: object, name: str = "messagebus") -> str:
    """Copy the package to a folder as an installer would, and return what it says there."""
    shutil.copytree(PACKAGE, folder / "messagebus", ignore=shutil.ignore_patterns("__pycache__"))
    info = folder / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("messagebus/_installation.py,,\n")
    if origin is not None:
        (info / "direct_url.json").write_text(
            origin if isinstance(origin, str) else json.dumps(origin)
        )
    return say(folder)


def say(folder: Path) -> str:
    """Return what the package in a folder says about a missing extra."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    program += "from messagebus.exceptions import MissingExtraError; "
    program += "print(MissingExtraError('messagebus.adapters.nats', 'nats'))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.strip()


NEEDS = "messagebus.adapters.nats needs the extra 'nats': "
WHEEL = "https://example.org/messagebus-0.1.0-py3-none-any.whl"
GIT = "https://example.org/messagebus.git"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({"url": "file:///srv/my%20bus", "dir_info": {}}, "'/srv/my bus[nats]'"),
        ({"url": WHEEL, "archive_info": {}}, f"'messagebus[nats] @ {WHEEL}'"),
        (
            {"url": GIT, "vcs_info": {"vcs": "git", "commit_id": "f00"}},
            f"'messagebus[nats] @ git+{GIT}@f00'",
        ),
        (
            {
                "url": GIT,
                "vcs_info": {"vcs": "git", "commit_id": "f00", "requested_revision": "main"},
                "subdirectory": "python",
            },
            f"'messagebus[nats] @ git+{GIT}@main#subdirectory=python'",
        ),
    ],
)
def test_a_missing_extra_is_added_as_the_package_was_installed(
    tmp_path: Path, origin: object, command: str
) -> None:
    """The error repeats folder, file or repository, with the extra."""
    assert f"{NEEDS}run `pip install {command}`" == install(tmp_path, origin)


@pytest.mark.slow
def test_a_missing_extra_is_added_to_an_editable_installation(tmp_path: Path) -> None:
    """The path is that of the project, where the sources are."""
    source = tmp_path / "src"
    source.mkdir()
    origin = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}

    assert f"{NEEDS}run `pip install -e '{tmp_path}[nats]'`" == install(source, origin)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "'lending[nats]'"),
        ({"url": WHEEL, "archive_info": {}}, f"'lending[nats] @ {WHEEL}'"),
    ],
    ids=["index", "file"],
)
def test_a_missing_extra_is_one_of_the_distribution(
    tmp_path: Path, origin: object, command: str
) -> None:
    """A distribution of another name can come from an index."""
    assert f"{NEEDS}run `pip install {command}`" == install(tmp_path, origin, "lending")


@pytest.mark.slow
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "no JSON",
        [],
        {},
        {"url": 3, "dir_info": {}},
        {"url": GIT, "vcs_info": {}},
        {"url": "file:///elsewhere", "dir_info": {"editable": True}},
    ],
    ids=str,
)
def test_an_unknown_origin_is_left_to_the_reader(tmp_path: Path, origin: object) -> None:
    """Without a record, or with that of another copy, the error names no command."""
    advice = "add [nats] to the path or URL that messagebus is installed from"

    assert f"{NEEDS}{advice}" == install(tmp_path, origin)


@pytest.mark.slow
def test_the_record_of_another_copy_is_not_ours(tmp_path: Path) -> None:
    """A copy that is found first says nothing about how another one was installed."""
    installed, first = tmp_path / "installed", tmp_path / "first"
    install(installed, {"url": WHEEL, "archive_info": {}})
    shutil.copytree(installed / "messagebus", first / "messagebus")
    shutil.copytree(
        installed / "messagebus-0.1.0.dist-info", first / "other" / "messagebus-0.1.0.dist-info"
    )

    program = f"import sys; sys.path[:0] = [{str(first)!r}, {str(first / 'other')!r}]; "
    program += "from messagebus._installation import how_to_add; print(how_to_add('nats'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.startswith("add [nats] to")


def test_the_error_survives_pickling() -> None:
    """What it says was found where it was raised."""
    error = MissingExtraError("The database mysql", "postgres")

    assert str(error) == str(pickle.loads(pickle.dumps(error)))  # noqa: S301
    assert "postgres" == pickle.loads(pickle.dumps(error)).extra  # noqa: S301


@pytest.mark.parametrize("text", MISLEADING)
def test_a_misleading_command_is_recognized(text: str) -> None:
    """The pattern of this test finds the commands of all installers."""
    assert FROM_INDEX.search(text)


@pytest.mark.parametrize("text", RIGHT)
def test_a_command_with_a_place_is_right(text: str) -> None:
    """Paths and URLs lead to this package."""
    assert not FROM_INDEX.search(text)


def test_no_text_leads_to_another_distribution() -> None:
    """Neither errors nor help, documentation or scripts install our name from an index."""
    found: list[Any] = []
    for path in TEXTS:
        found += [(path.name, each[0]) for each in FROM_INDEX.finditer(path.read_text("utf-8"))]

    assert len(TEXTS) > 200
    assert [] == found


def test_the_readme_shows_every_extra() -> None:
    """A user finds each extra that is not for the work on the package itself."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    extras = tool["hatch"]["metadata"]["hooks"]["custom"]["extras"].keys()
    extras -= {"bench", "dev", "docs"}
    section = (ROOT / "README.md").read_text("utf-8").split("## Install it")[1].split("\n## ")[0]

    assert set() == {extra for extra in extras if f"`{extra}`" not in section}
    assert "git+" in section
