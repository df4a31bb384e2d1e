"""The shop of the examples as a process: what it reads, what it writes, and how it ends."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from examples.shop.entrypoint.source import SHIPPED_FILE

from .shop import (
    COMMAND,
    GREEN_TEA,
    MINT_TEA,
    ROOT,
    counts,
    database_in,
    encode,
    order,
    rejections,
    section,
    serve,
    start,
    stock,
)

pytestmark = pytest.mark.slow


def test_a_rejected_line_is_reported_and_the_others_are_handled() -> None:
    """Good and bad lines alike get what they deserve, under their own numbers."""
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
    known = "register_product, restock, take_order, cancel_order"
    assert [
        (2, "register_product", "product TEA-1 is registered already"),
        (4, None, "not JSON: Expecting value at column 1"),
        (5, None, 'not a JSON object: "text"'),
        (6, None, f'unknown command "sell"; there are {known}'),
        (7, "take_order", 'lines, item 1, quantity should be a whole number, not "2"'),
        (9, "take_order", "order O-1 exists already"),
        (10, "take_order", "unknown product TEA-9"),
        (11, "take_order", "quantity beyond stock: 8 of TEA-1 ordered, 7 in stock"),
        (12, "cancel_order", "unknown order O-9"),
        (14, "cancel_order", "order O-1 is cancelled already"),
        (15, None, "not UTF-8"),
    ] == rejections(output)
    assert {"TEA-1": 9} == stock(output)


def test_a_rejected_line_leaves_no_trace() -> None:
    """With bad lines between the good ones, everything but the rejections is the same."""
    cancel = {"command": "cancel_order", "order_id": "O-1"}
    good = [GREEN_TEA, MINT_TEA, order("O-1", TEA_1=2, TEA_2=1), cancel, order("O-2", TEA_1=7)]
    bad = [order("O-2", TEA_1=1, TEA_2=9), order("O-2", TEA_1=8, TEA_9=1), MINT_TEA, cancel]
    mixed = serve(good[0], good[1], bad[0], good[2], good[3], bad[1], bad[2], bad[3], good[4])
    alone = serve(*good)
    assert 4 == len(rejections(mixed))
    assert [] == rejections(alone)
    assert alone.partition("\nEvents\n")[2] == mixed.partition("\nEvents\n")[2]


def test_an_order_sets_off_its_cascade() -> None:
    """Taken, reserved, low, requested: the events of one order follow from each other."""
    output = serve(GREEN_TEA, order("O-1", TEA_1=6))
    assert {
        "order_taken": 1,
        "product_registered": 1,
        "restock_requested": 1,
        "stock_low": 1,
        "stock_reserved": 1,
    } == counts(output, "Events")
    assert [
        ["product_registered_v1", '{"sku":"TEA-1","name":"Green', 'tea"}'],
        ["order_taken_v1", '{"order_id":"O-1","lines":[{"sku":"TEA-1","quantity":6}]}'],
        ["restock_requested_v1", '{"sku":"TEA-1","stock":3}'],
    ] == section(output, "The latest 3 of them")


def test_a_file_that_is_named_is_read(tmp_path: Path) -> None:
    """The argument is a file of lines; the byte order mark and line ends of Windows are fine."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + encode(GREEN_TEA, MINT_TEA).replace(b"\n", b"\r\n"))
    finished = start(str(path))
    assert {"TEA-1": 9, "TEA-2": 2} == stock(finished.stdout.decode())
    assert f"read from {path}." in finished.stdout.decode()


def test_a_dash_stands_for_standard_input() -> None:
    """What is piped in is read if it is asked for."""
    assert {"TEA-2": 2} == stock(start("-", input=encode(MINT_TEA)).stdout.decode())


def test_without_an_argument_the_shipped_file_is_read(tmp_path: Path) -> None:
    """An open pipe on standard input, as a script or a service has it, is left alone."""
    with subprocess.Popen(
        (*COMMAND, "--database", database_in(tmp_path)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read().decode()
        assert 0 == process.wait(timeout=60)
    assert f"read from {SHIPPED_FILE}." in output


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    """No line, no command, and a report that says so."""
    path = tmp_path / "empty.jsonl"
    path.touch()
    finished = start(str(path))
    assert 0 == finished.returncode
    output = finished.stdout.decode()
    assert ["total", "0", "0"] == section(output, "Commands")[-1]
    assert [] == section(output, "Stock")


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    """What can not be read ends the command with code 2, and nothing is reported."""
    path = tmp_path / "missing.jsonl"
    finished = start(str(path))
    expected = f"error: cannot read {path}: No such file or directory\n".encode()
    assert (2, b"", expected) == (finished.returncode, finished.stdout, finished.stderr)


def test_a_directory_is_an_error_of_one_line(tmp_path: Path) -> None:
    """A directory can not be read either."""
    finished = start(str(tmp_path))
    expected = f"error: cannot read {tmp_path}: Is a directory\n".encode()
    assert (2, b"", expected) == (finished.returncode, finished.stdout, finished.stderr)


def test_an_unknown_option_is_an_error() -> None:
    """Wrong arguments end the command with code 2 and its usage."""
    finished = start("--fast")
    assert 2 == finished.returncode
    assert finished.stderr.startswith(b"usage: python -m examples.shop")


def test_the_help_tells_the_exit_codes() -> None:
    """Whoever calls the command from a script finds out what its end means."""
    finished = start("--help")
    assert 0 == finished.returncode
    assert b"exit codes: 0 when every line was read" in finished.stdout


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    """Where a person looks on, a line counts the commands, and makes room for what is written."""
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            (*COMMAND, "-", "--database", database_in(tmp_path)),
            cwd=ROOT,
            input=encode(GREEN_TEA, "no json"),
            stdout=theirs,
            stderr=theirs,
            check=True,
            timeout=60,
        )
        shown = os.read(ours, 4_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    text = "commands: 1, rejected: 0"
    assert shown.startswith(f"\r\r{text}\r{' ' * len(text)}\rline 2 rejected: not JSON")


def test_no_progress_is_shown_elsewhere() -> None:
    """A log or a pipe on standard error gets nothing when all goes well."""
    assert b"" == start("-", input=encode(GREEN_TEA, "no json")).stderr


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    """An interrupt takes effect after the line at hand, with code 130."""
    with subprocess.Popen(
        (sys.executable, "-u", *COMMAND[1:], "-", "--database", database_in(tmp_path)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"no json\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"line 1 rejected")
        process.send_signal(signal.SIGINT)
        # It does not wait for another line either: standard input is still open.
        assert 130 == process.wait(timeout=60)
        output, errors = process.communicate()
    assert (b"", b"interrupted\n") == (output, errors)


def test_a_reader_that_has_left_is_no_crash(tmp_path: Path) -> None:
    """When nobody takes the output any more, the command ends with code 1 and no traceback."""
    with subprocess.Popen(
        (*COMMAND, "--database", database_in(tmp_path)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (1, b"") == (process.returncode, errors)


def test_a_name_that_the_output_can_not_spell_is_escaped() -> None:
    """A terminal without Unicode gets every table all the same."""
    line = {**MINT_TEA, "name": "Café"}
    finished = start("-", input=encode(line), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert 0 == finished.returncode
    assert rb"Caf\xe9" in finished.stdout
