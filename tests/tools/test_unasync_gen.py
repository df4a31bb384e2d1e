"""The generator of the twin on folders: small projects, and this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unasync_gen import main, read_rules

from .project import RULE, Project

REPOSITORY = Path(__file__).parents[2]


def test_a_second_run_changes_nothing(project: Project) -> None:
    """After a run, a second run writes nothing and a check finds nothing."""
    project.write("pk/_async/a.py", "async def f(): ...\n")
    project.write("pk/_async/deeper/b.py", "x = 1\n")

    assert (0, "2 twins, 2 changed") == (project.generate(), project.out.splitlines()[-1])
    assert "x = 1\n" == project.twin("deeper/b.py")
    assert (0, "2 twins, 0 changed\n") == (project.generate(), project.out)
    assert (0, "2 twins, 0 differ\n") == (project.generate("--check"), project.out)


def test_a_missing_twin_is_drift(project: Project) -> None:
    """A check fails on a source without a twin and shows the twin, but does not write it."""
    project.write("pk/_async/a.py", "async def f(): ...\n")
    before = project.files()

    assert 1 == project.generate("--check")
    assert "pk/_sync/a.py: is missing" in project.out
    assert "+def f(): ...\n" in project.out
    assert before == project.files()


def test_a_changed_source_is_drift(project: Project) -> None:
    """A check fails on an outdated twin; a run updates it."""
    project.write("pk/_async/a.py", "x = 1\n")
    project.generate()
    project.write("pk/_async/a.py", "x = 2\n")
    before = project.files()

    assert 1 == project.generate("--check")
    assert "pk/_sync/a.py: differs" in project.out
    assert "-x = 1\n+x = 2\n" in project.out
    assert before == project.files()
    assert 0 == project.generate()
    assert "x = 2\n" == project.twin()


@pytest.mark.parametrize("edit", [b"x = 1\n# mine\n", b"x = 1", b"x = 1\r\n"])
def test_a_twin_edited_by_hand_is_drift(project: Project, edit: bytes) -> None:
    """A check fails on any changed byte of a twin; a run restores it."""
    project.write("pk/_async/a.py", "x = 1\n")
    project.generate()
    twin = project.root / "pk/_sync/a.py"
    right = twin.read_bytes()
    twin.write_bytes(right.replace(b"x = 1\n", edit))

    assert 1 == project.generate("--check")
    assert 0 == project.generate()
    assert right == twin.read_bytes()


def test_a_twin_without_a_source_is_drift(project: Project) -> None:
    """A check fails on a twin whose source is gone; a run deletes it."""
    project.write("pk/_async/a.py", "x = 1\n")
    project.write("pk/_async/b.py", "x = 2\n")
    project.generate()
    (project.root / "pk/_async/b.py").unlink()
    before = project.files()

    assert 1 == project.generate("--check")
    assert "pk/_sync/b.py: has no source" in project.out
    assert before == project.files()
    assert 0 == project.generate()
    assert ["pk/_async/a.py", "pk/_sync/a.py"] == sorted(project.files())


@pytest.mark.parametrize("arguments", [[], ["--check"]])
@pytest.mark.parametrize("name", ["a.py", "b.py"])
def test_a_hand_written_file_is_not_lost(project: Project, name: str, arguments: list[str]) -> None:
    """A file without the header stays, and the run fails."""
    project.write("pk/_async/a.py", "x = 1\n")
    project.write(f"pk/_sync/{name}", "x = 'mine'\n")
    before = project.files()

    assert 1 == project.generate(*arguments)
    assert f"pk/_sync/{name}: not generated: move or delete it\n" == project.err
    assert before == project.files()


def test_an_empty_file_is_overwritten(project: Project) -> None:
    """Overwriting an empty file loses nothing."""
    project.write("pk/_async/__init__.py", "x = 1\n")
    project.write("pk/_sync/__init__.py", "")

    assert 0 == project.generate()
    assert "x = 1\n" == project.twin("__init__.py")


def test_other_files_are_left_alone(project: Project) -> None:
    """Files other than Python have neither twin nor source."""
    project.write("pk/_async/notes.txt", "await\n")
    project.write("pk/_sync/data.json", "{}\n")

    assert (0, "0 twins, 0 changed\n") == (project.generate(), project.out)
    assert not (project.root / "pk/_sync/notes.txt").exists()
    assert (project.root / "pk/_sync/data.json").exists()


UNNEEDED = {
    "name": ('[replacements]\naio = "threads"\n', "", "'aio' in [replacements]"),
    "prose": ("[prose]\n'hello' = 'bye'\n", "", "'hello' in [prose]"),
    "own": ("", '[rule.replacements]\naio = "threads"\n', "'aio' in the rule for pk/_async"),
}


@pytest.mark.parametrize(("before", "after", "row"), UNNEEDED.values(), ids=UNNEEDED)
def test_a_row_that_converts_nothing_is_refused(
    project: Project, before: str, after: str, row: str
) -> None:
    """The run fails and names a replacement or a rule for prose that no source needs."""
    project.write("unasync.toml", before + RULE + after)
    project.write("pk/_async/a.py", "x = 'hello'  # aio\n")

    assert 1 == project.generate()
    assert f"unasync.toml: {row} converts nothing: remove it\n" == project.err
    assert "pk/_sync/a.py" not in project.files()


def test_a_row_of_all_rules_needs_one_source(project: Project) -> None:
    """A common row is used if any folder needs it; a folder's own row takes precedence."""
    other = '[[rule]]\nfrom = "tests/_async"\nto = "tests/_sync"\n'
    own = '[rule.replacements]\naio = "timers"\n'
    project.write("unasync.toml", f'[replacements]\naio = "threads"\n{RULE}{other}{own}')
    project.write("pk/_async/a.py", "x = aio\n")
    project.write("tests/_async/a.py", "x = aio\n")

    assert (0, "") == (project.generate(), project.err)
    assert "x = threads\n" == project.twin()
    assert (project.root / "tests/_sync/a.py").read_text("utf-8").endswith("\nx = timers\n")


BROKEN = {
    "not TOML": ("[", "unasync.toml: "),
    "a rule without a folder": ('[[rule]]\nfrom = "a"\n', "a [[rule]] has no key 'to'"),
    "an unknown table": ("[prosa]\n", "unknown keys ['prosa']"),
    "an unknown key of a rule": (f'{RULE}names = "x"\n', "unknown keys ['names']"),
    "a wrong expression": ("[prose]\n'(' = ''\n", "unterminated subpattern"),
    "a wrong replacement": ("[prose]\n'a' = '\\1'\n", "invalid group reference 1"),
}


@pytest.mark.parametrize(("config", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_is_refused(project: Project, config: str, reason: str) -> None:
    """The run fails and names the mistake."""
    project.write("unasync.toml", config)

    assert 1 == project.generate()
    assert reason in project.err


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    """Without `unasync.toml`, the script fails with a message."""
    assert 1 == main(["--root", str(tmp_path)])


def test_the_script_works_from_any_folder(project: Project, tmp_path: Path) -> None:
    """It runs as a program in another folder, with a relative path to the project."""
    project.write("pk/_async/a.py", "async def f(): ...\n")
    script = REPOSITORY / "tools/unasync_gen.py"

    subprocess.run(
        [sys.executable, str(script), "--root", tmp_path.name], cwd=tmp_path.parent, check=True
    )

    assert "def f(): ...\n" == project.twin()


@pytest.mark.slow
def test_the_twins_of_this_repository_are_exact() -> None:
    """Generating them on this version of Python gives the committed files, byte for byte."""
    assert 0 == main(["--check"])


def test_every_coloured_folder_of_this_repository_has_a_rule() -> None:
    """Every folder named `_async` or `_sync` has a rule."""
    rules = read_rules(REPOSITORY)
    known = {Path(folder) for rule in rules for folder in (rule.source, rule.twin)}
    found = {
        path.relative_to(REPOSITORY)
        for top in ("src", "tests", "examples")
        for path in (REPOSITORY / top).rglob("_*sync")
        if any(path.glob("*.py"))
    }

    assert set() == found - known
