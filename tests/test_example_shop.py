"""The shop of the examples as a process: input, output and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

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
    serve,
    start,
    succeed,
    undisturbed,
)

pytestmark = pytest.mark.slow

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]+;)?[34][0-9][0-9;]*m")


def show(folder: Path, lines: bytes, **variables: str) -> str:
    """Run the command on a terminal of 80 columns and return what it writes there."""
    terminal = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    inherited = {name: os.environ[name] for name in os.environ if not name.endswith("_COLOR")}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        (*COMMAND, "-", "--database", database_in(folder)),
        cwd=ROOT,
        env={**inherited, **terminal, **variables},
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()
        written = b""
        with suppress(OSError), open(ours, "rb", buffering=0) as shown:  # EIO at its end
            while some := shown.read(4_096):
                written += some
    assert 0 == process.returncode
    return written.decode().replace("\r\n", "\n")


def test_a_rejected_line_is_reported_and_the_others_are_handled() -> None:
    """Each invalid line is reported by number and reason, and the valid ones are handled."""
    output = serve(
        GREEN_TEA,
        GREEN_TEA,
        "",
        "no json",
        '"text"',
        {"command": "sell"},
        order("O-1", TEA_1="2"),
        order("O-1", TEA_1=2),
        order("O-1", TEA_1=1),
        order("O-2", TEA_9=1),
        order("O-3", TEA_1=8),
        {"command": "cancel_order", "order_id": "O-9"},
        {"command": "cancel_order", "order_id": "O-1"},
        {"command": "cancel_order", "order_id": "O-1"},
        b"\xff\xfe",
    )
    shape = (
        'not an object whose "command" is one of '
        "register_product, restock, take_order, cancel_order"
    )
    assert {
        2: "product TEA-1 exists already",
        4: "not JSON: Expecting value: line 1 column 1 (char 0)",
        5: shape,
        6: shape,
        7: "lines.0.quantity: Input should be a valid integer",
        9: "order O-1 exists already",
        10: "there is no product TEA-9",
        11: "8 of TEA-1 ordered, but 7 in stock",
        12: "there is no order O-9",
        14: "order O-1 is cancelled already",
        15: "not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    } == output.rejections
    assert (14, 11, 0) == output.counts
    assert {"TEA-1": 9} == output.stock


def test_a_rejected_line_leaves_no_trace() -> None:
    """Invalid lines between the valid ones change neither the tables nor the events."""
    cancel = {"command": "cancel_order", "order_id": "O-1"}
    good = [GREEN_TEA, MINT_TEA, order("O-1", TEA_1=2, TEA_2=1), cancel, order("O-2", TEA_1=7)]
    bad = [order("O-2", TEA_1=1, TEA_2=9), order("O-2", TEA_1=8, TEA_9=1), MINT_TEA, cancel]
    mixed = serve(good[0], good[1], bad[0], good[2], good[3], bad[1], bad[2], bad[3], good[4])
    alone = serve(*good)
    assert (4, 0) == (len(mixed.rejections), len(alone.rejections))
    assert alone.tables == mixed.tables
    assert contents(alone.published) == contents(mixed.published)


def test_an_order_sets_off_its_cascade() -> None:
    """An order that leaves little stock leads to a request for more."""
    output = serve(GREEN_TEA, order("O-1", TEA_1=6))
    assert {
        "register_product": 1,
        "take_order": 1,
        "product_registered": 1,
        "order_taken": 1,
        "stock_low": 1,
        "restock_requested": 1,
    } == output.messages()
    assert [
        ("product_registered_v1", '{"sku":"TEA-1","name":"Green tea"}'),
        ("order_taken_v1", '{"order_id":"O-1","lines":[{"sku":"TEA-1","quantity":6}]}'),
        ("restock_requested_v1", '{"sku":"TEA-1","stock":3}'),
    ] == contents(output.published)


def test_a_named_file_is_read(tmp_path: Path) -> None:
    """A byte order mark and the line ends of Windows are accepted."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + encode(GREEN_TEA, MINT_TEA).replace(b"\n", b"\r\n"))
    assert {"TEA-1": 9, "TEA-2": 2} == succeed(str(path)).stock


def test_without_an_argument_the_shipped_file_is_read(tmp_path: Path) -> None:
    """Standard input is left alone, even if it is an open pipe, as in a script or a service."""
    with subprocess.Popen(
        (*COMMAND, "--database", database_in(tmp_path)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        output = Output(process.stdout.read())
        assert 0 == process.wait(timeout=60)
    assert (260, 57, 0) == output.counts


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    """A file without lines leads to an empty report."""
    path = tmp_path / "empty.jsonl"
    path.touch()
    output = succeed(str(path))
    assert (0, 0, 0) == output.counts
    assert {"stock": [], "messages": []} == output.tables


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    """A file that cannot be read ends the command with code 2 before anything is created."""
    path = tmp_path / "missing.jsonl"
    finished = start(str(path), "--database", database_in(tmp_path))
    expected = f"error: [Errno 2] No such file or directory: '{path}'\n".encode()
    assert (2, b"", expected) == (finished.returncode, finished.stdout, finished.stderr)
    assert [] == os.listdir(tmp_path)


def test_a_directory_is_an_error_of_one_line(tmp_path: Path) -> None:
    """A directory cannot be read either."""
    finished = start(str(tmp_path))
    expected = f"error: [Errno 21] Is a directory: '{tmp_path}'\n".encode()
    assert (2, b"", expected) == (finished.returncode, finished.stdout, finished.stderr)


def test_an_unknown_option_is_an_error() -> None:
    """Wrong arguments end the command with code 2 and its usage."""
    finished = start("--fast")
    assert 2 == finished.returncode
    assert finished.stderr.startswith(b"usage: python -m examples.shop")


def test_the_help_tells_the_exit_codes() -> None:
    """The help explains the exit codes to authors of scripts."""
    finished = start("--help")
    assert 0 == finished.returncode
    assert b"exit codes: 0 when every line was read" in finished.stdout


def test_a_terminal_shows_progress_colours_and_tables(tmp_path: Path) -> None:
    """People see a progress bar, rejections, events and tables, and no JSON documents."""
    written = show(tmp_path, encode(GREEN_TEA, "no json", order("O-1", TEA_1=6)))
    assert COLOUR.search(written)
    shown = CONTROL.sub("", written)
    assert "line 2 rejected: not JSON" in shown
    assert 'published order_taken_v1 {"order_id":"O-1"' in shown
    assert re.search(r"lines ━+ 3/\? 0:00:0\d", shown)
    assert re.search(r"Stock +\n.*TEA-1 +Green tea +3 +3 +True", shown, re.DOTALL)
    assert re.search(r"Messages +\n.*event +order_taken +1 +1 +1", shown, re.DOTALL)
    assert "3 lines: 1 rejected, 0 handled by an earlier run" in shown
    assert '{"line"' not in shown
    assert max(map(len, re.split(r"[\r\n]", shown))) <= 80


def test_no_color_is_respected(tmp_path: Path) -> None:
    """With NO_COLOR in the environment, the terminal gets no colours."""
    assert not COLOUR.search(show(tmp_path, encode(GREEN_TEA, "no json"), NO_COLOR="1"))


def test_a_name_that_the_terminal_cannot_encode_is_escaped(tmp_path: Path) -> None:
    """A terminal without Unicode gets the tables, too."""
    written = show(tmp_path, encode({**MINT_TEA, "name": "Café"}), PYTHONIOENCODING="ascii")
    assert r"Caf\xe9" in written


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    """An interrupt ends the command with code 130, without waiting for another line."""
    with subprocess.Popen(
        (*COMMAND, "-", "--database", database_in(tmp_path)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # The background job of a shell ignores the signal, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"no json\n")
        process.stdin.flush()
        assert 1 == json.loads(process.stdout.readline())["line"]
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(timeout=60)  # standard input is still open
        output, errors = process.communicate()
    assert (b"", b"interrupted\n") == (output, errors)


def test_a_reader_that_has_left_loses_nothing(tmp_path: Path) -> None:
    """Without a reader, the command ends with code 1; the next run prints all events."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(SAMPLE)
    arguments = (str(path), "--database", database_in(tmp_path))
    with subprocess.Popen(
        (*COMMAND, *arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (1, b"") == (process.returncode, errors)
    assert contents(undisturbed().published) == contents(succeed(*arguments).published)
