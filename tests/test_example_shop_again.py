"""The shop of the examples, started again: handled lines are skipped, other lines are new."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.shop.cli import main

from .shop import (
    COMMAND,
    GREEN_TEA,
    MINT_TEA,
    ROOT,
    SAMPLE,
    Output,
    contents,
    database_in,
    encode,
    order,
    succeed,
    undisturbed,
)

pytestmark = pytest.mark.slow

RESTOCK = {"command": "restock", "sku": "TEA-1", "quantity": 5}
Run = Callable[..., Output]
LINES = encode(GREEN_TEA, "no json", order("O-1", TEA_1=2), RESTOCK, RESTOCK, order("O-1", TEA_1=1))


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet."""
    return database_in(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file with valid and invalid lines."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(LINES)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process and returns its output."""

    def run(*arguments: Path | str) -> Output:
        code = main([*map(str, arguments)])
        output, errors = capsys.readouterr()
        assert (0, "") == (code, errors)
        return Output(output)

    return run


def test_a_second_run_handles_nothing_again(path: Path, database: str, run: Run) -> None:
    """It reports the same rejections and tables, and publishes nothing."""
    first, second = run(path, "--database", database), run(path, "--database", database)
    assert {"TEA-1": 17} == first.stock
    assert ((6, 2, 0), (6, 2, 6)) == (first.counts, second.counts)
    assert (first.rejections, first.tables) == (second.rejections, second.tables)
    assert (2, 0) == (len(first.published), len(second.published))


def test_appended_lines_are_handled(path: Path, database: str, run: Run) -> None:
    """A file may grow, whether its last line ended with a line break or not."""
    path.write_bytes(LINES.rstrip(b"\n"))
    run(path, "--database", database)
    path.write_bytes(LINES + b"\n" + encode(RESTOCK, order("O-1", TEA_1=1)))
    output = run(path, "--database", database)
    assert (8, 3, 6) == output.counts
    assert [2, 6, 9] == [*output.rejections]
    assert {"TEA-1": 22} == output.stock


def test_a_moved_file_is_the_same_file(path: Path, database: str, run: Run) -> None:
    """Name and content identify a file, not its folder and its line ends."""
    run(path, "--database", database)
    elsewhere = path.parent / "elsewhere" / path.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(LINES.replace(b"\n", b"\r\n"))
    assert (6, 2, 6) == run(elsewhere, "--database", database).counts


def test_the_same_line_in_another_file_is_new(path: Path, database: str, run: Run) -> None:
    """Today's restock is not yesterday's, even if both are first lines."""
    run(path, "--database", database)
    other = path.with_name("other.jsonl")
    other.write_bytes(encode(RESTOCK))
    output = run(other, "--database", database)
    assert (1, 0, 0) == output.counts
    assert {"TEA-1": 22} == output.stock


def test_a_changed_line_and_those_after_it_are_new(path: Path, database: str, run: Run) -> None:
    """Lines before the change were handled, lines after it are handled again."""
    run(path, "--database", database)
    path.write_bytes(LINES.replace(b"no json", b"still no json"))
    output = run(path, "--database", database)
    assert (6, 3, 1) == output.counts
    assert {"TEA-1": 27} == output.stock


def test_standard_input_continues_as_well(database: str) -> None:
    """The same input is recognized; an input with another beginning is new."""
    again = [succeed("-", "--database", database, input=LINES) for _ in range(2)]
    assert [(6, 2, 0), (6, 2, 6)] == [output.counts for output in again]
    other = succeed("-", "--database", database, input=encode(MINT_TEA, RESTOCK))
    assert (2, 0, 0) == other.counts
    assert {"TEA-1": 22, "TEA-2": 2} == other.stock


def test_the_default_database_is_a_file_in_the_current_directory(
    path: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is left in the directory but the file by which a dead relay is noticed."""
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for repeated in (0, 6):
        assert (6, 2, repeated) == run(path).counts
        assert ["shop.sqlite", "shop.sqlite-messagebus_lease"] == sorted(os.listdir(folder))


def test_postgresql_keeps_the_same_shop(tmp_path: Path, postgres_url: str, run: Run) -> None:
    """A run on PostgreSQL prints what a run on SQLite prints, with any driver in the URL."""
    path = tmp_path / "sample.jsonl"
    path.write_bytes(SAMPLE)
    first = run(path, "--database", postgres_url.replace("+psycopg", ""))
    assert undisturbed().tables == first.tables
    assert contents(undisturbed().published) == contents(first.published)
    again = run(path, "--database", postgres_url)
    assert again.counts[0] == again.counts[2]
    assert (undisturbed().tables, []) == (again.tables, again.published)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_two_runs_at_once_handle_each_line_once(
    engine: str, tmp_path: Path, run: Run, request: pytest.FixtureRequest
) -> None:
    """Two runs create the tables together, take turns with the lines, and one sends the events."""
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
                )
            )
            for output in outputs
        ]
        assert [0, 0] == [process.wait(timeout=60) for process in processes]
    written = [Output(output.read_bytes()) for output in outputs]
    assert [undisturbed().rejections] * 2 == [each.rejections for each in written]
    assert undisturbed().tables == run(path, "--database", database).tables
    events = [event for each in written for event in each.published]
    assert Counter(contents(undisturbed().published)) == Counter(contents(events))


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
def test_a_wrong_url_is_an_error_of_one_line(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A URL that cannot be used ends the command with code 2 before any line is handled."""
    monkeypatch.chdir(tmp_path)
    code = main(arguments)
    output, errors = capsys.readouterr()
    assert (2, "") == (code, output)
    assert errors.startswith("error: ")
    assert expected in errors
    assert 1 == errors.count("\n")
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("rich", []),
        ("sqlalchemy", []),
        ("aiosqlite", []),
        ("psycopg", ["--database", "postgresql://localhost/shop"]),
        ("redis", ["--stream", "redis://localhost?stream=shop"]),
        ("nats", ["--stream", "nats://localhost?stream=SHOP&subject=shop.x"]),
    ],
)
def test_a_missing_package_is_an_error_that_says_what_to_install(
    library: str, arguments: list[str], tmp_path: Path
) -> None:
    """Without the extras, the command says which package is missing and how to install it."""
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
        text=True,
    )
    assert (2, "") == (finished.returncode, finished.stdout)
    error, *advice = finished.stderr.splitlines()
    assert error.startswith("error: ")
    assert library in error
    assert [
        'Install the shop with: pip install -e ".[demo]"',
        "PostgreSQL, Redis and NATS need postgres, redis or nats as well.",
    ] == advice
    assert [] == os.listdir(tmp_path)
