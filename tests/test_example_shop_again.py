"""The shop of the examples, started again: what it remembers, and what it takes for new."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.shop.entrypoint.cli import main

from .shop import (
    COMMAND,
    GREEN_TEA,
    MINT_TEA,
    ROOT,
    SAMPLE,
    contents,
    database_in,
    encode,
    order,
    printed,
    rejections,
    section,
    start,
    stock,
    tables,
    told,
    undisturbed,
)

pytestmark = pytest.mark.slow

RESTOCK = {"command": "restock", "sku": "TEA-1", "quantity": 5}
Run = Callable[..., str]
LINES = encode(GREEN_TEA, "no json", order("O-1", TEA_1=2), RESTOCK, RESTOCK, order("O-1", TEA_1=1))


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet."""
    return database_in(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file of a few lines, good and bad ones."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(LINES)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process, and returns what it writes."""

    def run(*arguments: Path | str) -> str:
        code = main([*map(str, arguments)])
        output, errors = capsys.readouterr()
        assert (0, "") == (code, errors)
        return output

    return run


def test_a_second_run_handles_nothing_again(path: Path, database: str, run: Run) -> None:
    """It says so, writes the same rejections and the same tables, and publishes nothing."""
    first, second = run(path, "--database", database), run(path, "--database", database)
    assert {"TEA-1": 17} == stock(first)
    assert "6 of 6 had been handled by an earlier run.\n" in second
    assert told(first) == second.replace("6 of 6 had been handled by an earlier run.\n", "")
    assert (2, 0) == (len(printed(first)), len(printed(second)))


def test_lines_that_were_appended_are_handled(path: Path, database: str, run: Run) -> None:
    """A file may grow; how its last line ended does not matter."""
    path.write_bytes(LINES.rstrip(b"\n"))
    run(path, "--database", database)
    path.write_bytes(LINES + b"\n" + encode(RESTOCK, order("O-1", TEA_1=1)))
    output = run(path, "--database", database)
    assert "6 of 8 had been handled by an earlier run.\n" in output
    assert [2, 6, 9] == [number for number, _, _ in rejections(output)]
    assert {"TEA-1": 22} == stock(output)
    assert ["total", "5", "3"] == section(output, "Commands")[-1]


def test_a_file_that_was_moved_is_the_same_file(path: Path, database: str, run: Run) -> None:
    """Its name counts and what is in it, not where it is, nor how its lines end."""
    run(path, "--database", database)
    elsewhere = path.parent / "elsewhere" / path.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(LINES.replace(b"\n", b"\r\n"))
    assert "6 of 6 had been handled by an earlier run.\n" in run(elsewhere, "--database", database)


def test_the_same_line_in_another_file_is_another_line(path: Path, database: str, run: Run) -> None:
    """A restock of today is not the restock of yesterday, even if both begin a file."""
    run(path, "--database", database)
    other = path.with_name("other.jsonl")
    other.write_bytes(encode(RESTOCK))
    output = run(other, "--database", database)
    assert "handled by an earlier run" not in output
    assert {"TEA-1": 22} == stock(output)


def test_standard_input_goes_on_as_well(database: str) -> None:
    """What is piped in again is known; what differs from its beginning on is new."""
    again = [start("-", "--database", database, input=LINES).stdout.decode() for _ in range(2)]
    assert "6 of 6 had been handled by an earlier run.\n" in again[1]
    other = start("-", "--database", database, input=encode(MINT_TEA, RESTOCK)).stdout.decode()
    assert "handled by an earlier run" not in other
    assert {"TEA-1": 22, "TEA-2": 2} == stock(other)


def test_the_database_is_a_file_in_the_current_directory(
    path: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default; nothing else is left there."""
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for expected in (False, True):
        output = run(path)
        assert expected == ("handled by an earlier run" in output)
        assert "The shop is kept in sqlite:///shop.sqlite.\n" in output
        assert ["shop.sqlite"] == os.listdir(folder)


def test_postgresql_keeps_the_same_shop(tmp_path: Path, postgres_url: str, run: Run) -> None:
    """With its URL, whichever driver that names, everything is as it is with SQLite."""
    path = tmp_path / "sample.jsonl"
    path.write_bytes(SAMPLE)
    first = run(path, "--database", postgres_url.replace("+psycopg", ""))
    assert tables(undisturbed()) == tables(first)
    assert contents(printed(undisturbed())) == contents(printed(first))
    again = run(path, "--database", postgres_url)
    assert "had been handled by an earlier run.\n" in again
    assert (tables(undisturbed()), []) == (tables(again), printed(again))


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_two_runs_at_once_handle_each_line_once(
    engine: str, tmp_path: Path, run: Run, request: pytest.FixtureRequest
) -> None:
    """They create the tables together, take turns with the lines, and one sends what there is."""
    path, outputs = tmp_path / "mine.jsonl", [tmp_path / "first", tmp_path / "second"]
    path.write_bytes(SAMPLE)
    database = (
        database_in(tmp_path) if engine == "sqlite" else request.getfixturevalue("postgres_url")
    )
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    (*COMMAND, str(path), "--database", database),
                    cwd=ROOT,
                    stdout=stack.enter_context(output.open("wb")),
                    stderr=subprocess.STDOUT,
                )
            )
            for output in outputs
        ]
        assert [0, 0] == [process.wait(timeout=60) for process in processes]
    written = [output.read_text("utf-8") for output in outputs]
    assert [rejections(undisturbed())] * 2 == [rejections(each) for each in written]
    assert tables(undisturbed()) == tables(run(path, "--database", database))
    messages = [message for each in written for message in printed(each)]
    assert Counter(contents(printed(undisturbed()))) == Counter(contents(messages))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--database", "shop.sqlite"], "Could not parse SQLAlchemy URL"),
        (["--database", "oracle+nothing://host/shop"], "Can't load plugin"),
        (["--database", "sqlite:////no/such/folder/shop.sqlite"], "unable to open database file"),
        (["--database", "postgresql://localhost:1/shop"], "connection"),
        (["--stream", "carrier-pigeon://home"], "No transport has the scheme 'carrier-pigeon'"),
        (["--stream", "redis://localhost"], "A transport to Redis needs a stream"),
    ],
)
def test_what_can_not_be_used_is_an_error_of_one_line(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong URL ends the command with code 2 before any line is read."""
    monkeypatch.chdir(tmp_path)
    code = main(arguments)
    output, errors = capsys.readouterr()
    assert (2, "") == (code, output)
    assert errors.startswith("error: ")
    assert expected in errors
    assert 1 == errors.count("\n")
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("library", "arguments", "extra"),
    [
        ("sqlalchemy", [], "sqlite"),
        ("aiosqlite", [], "sqlite"),
        ("psycopg", ["--database", "postgresql://localhost/shop"], "postgres"),
        ("redis", ["--stream", "redis://localhost?stream=shop"], "redis"),
        ("nats", ["--stream", "nats://localhost?stream=SHOP&subject=shop.x"], "nats"),
    ],
)
def test_what_is_not_installed_is_named_with_its_command(
    library: str, arguments: list[str], extra: str, tmp_path: Path
) -> None:
    """Whoever has installed the package alone is told which extra is missing."""
    program = (
        f"import runpy, sys; sys.modules[{library!r}] = None; "
        "runpy.run_module('examples.shop', run_name='__main__', alter_sys=True)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (2, b"") == (finished.returncode, finished.stdout)
    advice = f'is not installed: pip install -e ".[{extra}]"\n'
    assert finished.stderr.decode().startswith("error: ")
    assert finished.stderr.decode().endswith(advice)
    assert [] == os.listdir(tmp_path)
