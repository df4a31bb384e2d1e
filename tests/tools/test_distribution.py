"""The distribution: what follows from its name, and what it contains."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from repository import address_of, link_to, replace_links

ROOT = Path(__file__).parents[2]
NAME = re.compile(r'^name = "[^"]*"', re.MULTILINE)
BUILT_FROM = ["LICENSE", "README.md", "examples", "pyproject.toml", "src", "tools"]

pytestmark = pytest.mark.slow  # a build is a process


def build(folder: Path, *changes: tuple[str, str]) -> Path:
    """Build a wheel of the project with changes to `pyproject.toml`, and unpack it."""
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(source, folder)
    project = folder / "pyproject.toml"
    text = project.read_text("utf-8")
    for old, new in changes:
        assert 1 == text.count(old)
        text = text.replace(old, new)
    project.write_text(text, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def metadata_of(unpacked: Path) -> Message:
    """Return the metadata of an unpacked wheel."""
    (path,) = unpacked.glob("*.dist-info/METADATA")
    return message_from_string(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an unpacked wheel under another name, of a project with a repository."""
    name = NAME.search((ROOT / "pyproject.toml").read_text("utf-8"))
    assert name
    return build(
        tmp_path_factory.mktemp("project"),
        (name[0], 'name = "lending"'),
        (
            "[project.scripts]",
            '[project.urls]\nRepository = "https://git.example.org/l/"\n[project.scripts]',
        ),
    )


def test_one_line_names_the_distribution(wheel: Path) -> None:
    """An extra that contains others has their requirements, and needs no other distribution."""
    metadata = metadata_of(wheel)
    requirements = metadata.get_all("Requires-Dist", [])

    assert "lending" == metadata["Name"]
    assert {"dev", "postgres", "sqlalchemy"} <= {*metadata.get_all("Provides-Extra", [])}
    for extra in ("postgres", "sqlalchemy", "dev"):
        assert [
            each
            for each in requirements
            if each.startswith("sqlalchemy[asyncio]") and each.endswith(f"extra == '{extra}'")
        ]
    assert [] == [each for each in requirements if re.match("messagebus|lending|{", each)]


def test_the_advice_of_an_error_names_the_distribution(wheel: Path) -> None:
    """A missing extra is one of the distribution that was installed."""
    program = f"import sys; sys.path.insert(0, {str(wheel)!r}); "
    program += "from messagebus.exceptions import MissingExtraError; "
    program += "print(MissingExtraError('messagebus.adapters.nats', 'nats'))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )

    assert "run `pip install 'lending[nats]'`" in done.stdout


def test_the_description_has_no_relative_link(wheel: Path) -> None:
    """What the index shows leads to the repository."""
    description = str(metadata_of(wheel).get_payload())

    assert description == replace_links(description, lambda *_link: "relative")
    assert "(https://git.example.org/l/blob/HEAD/docs/tutorial.md)" in description
    assert "(https://git.example.org/l/tree/HEAD/examples/shop)" in description


def test_without_a_repository_only_the_label_of_a_link_remains() -> None:
    """Nobody is sent to an address that does not exist."""
    text = "See [the `bus`](docs/bus.md#order), `[a](b)` and [there](https://example.org)."
    address = address_of({"name": "lending"})

    assert "See the `bus`, `[a](b)` and [there](https://example.org)." == replace_links(
        text, lambda *link: link_to(address, *link)
    )


def test_the_wheel_has_what_is_no_code(wheel: Path) -> None:
    """Types, templates and licences are installed, tests and caches are not."""
    for name in ("py.typed", "web/static/htmx.min.js", "web/templates"):
        assert (wheel / "messagebus" / name).exists(), name
    assert {"messagebus"} == {
        each.stem for each in wheel.iterdir() if not each.name.endswith(".dist-info")
    } - {"messagebus_pytest"}
    assert 2 == len([*wheel.glob("*.dist-info/licenses/**/*LICENSE")])
