"""The commands at a terminal: what they print, and what they ask."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import (
    SyncOutboxRelay,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.cli import ExitCode
from messagebus.testing.outbox import SyncRecorder
from tests._sync.adapters.sqlalchemy.shelves import publish, stored
from tests._sync.adapters.sqlalchemy.test_dead_letters import bury
from tests.library import BookBorrowed

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no pty"),
    pytest.mark.slow,
]

REASON = "TransportUnavailableError: Redis: OOM command not allowed when used memory > 'maxmemory'"
INTERRUPT = "\x03"
WITHOUT_RICH = "import sys; sys.modules['rich.console'] = None; sys.modules['rich'] = None\n"
# Whoever runs the tests in the background of a shell has made their processes ignore Ctrl-C.
HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
MAIN = "import sys; from messagebus.cli import main; sys.exit(main())"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a file."""
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def parked(url: str) -> list[str]:
    """Return the identifiers of messages that were parked for a long reason."""
    engine = prepare_sqlite(create_engine(url))
    sync_create_tables(engine)
    events = publish(engine, "1", "2", "3")
    with engine.begin() as connection:
        connection.execute(sa.update(tables.messages).values(state="parked", reason=REASON))
    engine.dispose()
    return [str(event.message_id) for event in events]


def at_terminal(
    *arguments: str, answer: str = "", columns: int = 80, program: str = MAIN
) -> tuple[int, str]:
    """Run the command line at a terminal, and return its status and what is on the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"{HEARING}; {program}", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm"},
    )
    os.close(theirs)
    screen = b""
    with process:
        while True:
            try:
                if not (some := os.read(ours, 4096)):
                    break
            except OSError:  # Linux: the other end is closed
                break
            screen += some
            if answer and b"[y/N] " in screen:
                if answer == INTERRUPT:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, answer.encode())
                answer = ""
    os.close(ours)
    return process.returncode, screen.decode().replace("\r\n", "\n")


def plain(screen: str) -> list[str]:
    """Return the lines of a screen without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", screen).splitlines()


def test_a_table_fits_a_terminal_of_80_columns(url: str, parked: list[str]) -> None:
    """Identifiers are whole, so that they can be copied; long reasons are folded."""
    code, screen = at_terminal("outbox", "list", "--database", url)
    lines = plain(screen)

    assert ExitCode.OK == code
    assert max(map(len, lines)) <= 80
    for each in parked:
        assert 1 == sum(each in line for line in lines)
    assert all(word in " ".join(lines) for word in REASON.split())
    assert screen != "\n".join(lines)  # the header is bold


def test_dead_letters_fit_a_terminal_of_80_columns(url: str) -> None:
    """Identifiers are whole, and the consumer stands beside the type."""
    engine = prepare_sqlite(create_engine(url))
    sync_create_tables(engine)
    (letter,) = bury(engine, BookBorrowed(id="1"))
    engine.dispose()
    code, screen = at_terminal("deadletters", "list", "--database", url)
    lines = plain(screen)

    assert ExitCode.OK == code
    assert max(map(len, lines)) <= 80
    assert 1 == sum(str(letter.message_id) in line for line in lines)
    assert "book_borrowed_v2, billing" in screen
    assert "no stock of 100%" in " ".join(screen.split())


def test_a_wide_terminal_has_a_line_for_each_message(url: str, parked: list[str]) -> None:
    """The columns are those of a file."""
    _, screen = at_terminal("outbox", "list", "--database", url, columns=250)
    header, *lines = plain(screen)

    assert ["position", "message_id", "type", "state"] == header.split()[:4]
    assert parked == [line.split()[1] for line in lines]
    assert all(line.rstrip().endswith(REASON) for line in lines)


@pytest.mark.parametrize("command", ["show", "status"])
def test_details_fit_a_terminal(url: str, parked: list[str], command: str) -> None:
    """Long values are folded beside their names."""
    arguments = parked[:1] if command == "show" else []
    code, screen = at_terminal("outbox", command, *arguments, "--database", url)

    assert ExitCode.OK == code
    assert max(map(len, plain(screen))) <= 80


def test_without_rich_a_terminal_gets_plain_columns(url: str, parked: list[str]) -> None:
    """The extra is only for how it looks."""
    arguments = ("outbox", "list", "--database", url)
    _, screen = at_terminal(*arguments, program=f"{WITHOUT_RICH}{MAIN}")

    assert "\x1b" not in screen
    assert parked == [line.split()[1] for line in screen.splitlines()[1:]]


def test_json_is_the_same_at_a_terminal(url: str, parked: list[str]) -> None:
    """It is one line, and not coloured."""
    _, screen = at_terminal("outbox", "list", "--json", "--database", url)

    assert screen.startswith('[{"position": 1')
    assert 1 == len(screen.splitlines())


@pytest.mark.parametrize(
    ("answer", "code", "state"),
    [
        ("y\n", ExitCode.OK, "pending"),
        ("YES\n", ExitCode.OK, "pending"),
        ("\n", ExitCode.FAILED, "parked"),
        ("n\n", ExitCode.FAILED, "parked"),
        ("\x04", ExitCode.FAILED, "parked"),  # the end of the input
        (INTERRUPT, ExitCode.INTERRUPTED, "parked"),
    ],
    ids=repr,
)
def test_a_terminal_is_asked(
    url: str, parked: list[str], answer: str, code: ExitCode, state: str
) -> None:
    """Only a yes changes anything; the question says how many and how old they are."""
    found, screen = at_terminal("outbox", "replay", "--all", "--database", url, answer=answer)

    assert code == found
    assert re.match(r"replay 3 parked message\(s\), created from 2\S+ to 2\S+\? \[y/N\] ", screen)
    assert "Traceback" not in screen
    engine: Engine = prepare_sqlite(create_engine(url))
    assert {state} == {record.state for record in stored(engine)}
    engine.dispose()


def test_nothing_is_asked_about_nothing(url: str, parked: list[str]) -> None:
    """Where no message matches, there is nothing to confirm."""
    arguments = ("outbox", "purge", "--older-than", "0s", "--database", url)
    assert (ExitCode.OK, "deleted 0 message(s)\n") == at_terminal(*arguments)
    engine: Engine = prepare_sqlite(create_engine(url))
    SyncOutboxRelay(engine, SyncRecorder()).drain()
    assert 3 == len(stored(engine))
    engine.dispose()
