"""The inspection, repair and replay of dead letters from a terminal or a program."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from messagebus import AsyncMessageBus, SyncMessageBus
from messagebus.adapters.sqlalchemy import (
    AsyncSQLAlchemyUnitOfWork,
    StoredDeadLetter,
    SyncDeadLetters,
    SyncSQLAlchemyUnitOfWork,
    prepare_sqlite,
)
from messagebus.cli import ExitCode, main
from tests._sync.adapters.sqlalchemy.test_dead_letters import bury
from tests.library import BookBorrowed, BookRegistered

Run = Callable[..., tuple[int, str, str]]
APP = SimpleNamespace()
NAME = f"{__name__}:APP"


@pytest.fixture
def run(url: str, engine: Engine, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command, and returns its status, output and complaints."""

    def run(command: str, *arguments: str) -> tuple[int, str, str]:
        code = main(["deadletters", command, *arguments, f"--database={url}"])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def letters(engine: Engine) -> list[StoredDeadLetter]:
    """Return three dead letters of two consumers."""
    bury(engine, BookBorrowed(id="1"), BookRegistered(id="2"))
    return bury(engine, BookBorrowed(id="3"), consumer="shipping")


@pytest.fixture(params=["async", "sync"])
def heard(
    request: pytest.FixtureRequest, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Return what the application hears, which refuses the book 3."""
    heard: list[str] = []

    def hear(event: BookBorrowed, uow: Any) -> None:
        heard.append(event.id)
        if event.id == "3":
            raise ValueError("no stock")

    if request.param == "sync":
        bus: Any = SyncMessageBus[Any]()
        factory: Any = partial(SyncSQLAlchemyUnitOfWork[Any], engine)
    else:
        bus = AsyncMessageBus[Any]()
        url = engine.url.render_as_string(hide_password=False)
        url = url.replace("sqlite:", "sqlite+aiosqlite:")

        def factory() -> AsyncSQLAlchemyUnitOfWork[Any]:
            return AsyncSQLAlchemyUnitOfWork(
                prepare_sqlite(create_async_engine(url, poolclass=NullPool))
            )

    bus.add_listener(BookBorrowed, hear)
    monkeypatch.setattr(APP, "bus", bus, raising=False)
    monkeypatch.setattr(APP, "unit_of_work", factory, raising=False)
    return heard


def test_dead_letters_are_listed(run: Run, letters: list[StoredDeadLetter]) -> None:
    """One line for each, and those alone that the filters leave."""
    code, text, _ = run("list")
    header, *lines = text.splitlines()
    assert ExitCode.OK == code
    assert ["position", "message_id", "type", "consumer"] == header.split()[:4]
    assert [str(letter.message_id) for letter in letters] == [line.split()[1] for line in lines]
    assert lines[0].endswith("shop.NoStock: no stock of 100%")

    assert 2 == len(run("list", "--consumer=shipping")[1].splitlines())
    _, text, _ = run("list", "--type=book_borrowed", "--error-type=NoStock", "--json", "--limit=1")
    (answer,) = json.loads(text)
    assert letters[0].position == answer["position"]
    assert b64encode(b"bytes").decode() == answer["body"]


def test_a_dead_letter_is_shown_with_its_bytes(run: Run, letters: list[StoredDeadLetter]) -> None:
    """Or the status says that there is none."""
    code, text, _ = run("show", str(letters[0].position))
    assert ExitCode.OK == code
    assert "body          bytes" in text.splitlines()
    code, _, errors = run("show", "12345")
    assert (ExitCode.NOT_FOUND, "messagebus: there is no dead letter 12345\n") == (code, errors)


def test_an_edited_letter_is_replayed(
    run: Run,
    letters: list[StoredDeadLetter],
    heard: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The payload may come from standard input; the bytes stay."""
    position = str(letters[1].position)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"id": "9"}'))
    code, text, _ = run("edit", position, "--payload=-", "--new-type=book_borrowed_v2", "--json")
    assert (ExitCode.OK, "book_borrowed_v2") == (code, json.loads(text)["type"])
    code, text, _ = run("replay", NAME, position)
    assert "replayed 1 dead letter(s), 0 failed again, 0 passed over, 0 gone\n" == text
    assert (ExitCode.OK, ["9"]) == (code, heard)
    assert ExitCode.USAGE == run("edit", str(letters[0].position), "--new-type=lent")[0]


def test_a_replay_tells_what_has_failed_again(
    run: Run, engine: Engine, letters: list[StoredDeadLetter], heard: list[str]
) -> None:
    """It is a status of its own, and the letter stays."""
    code, text, errors = run("replay", NAME, "--type=book_borrowed", "--yes", "--json")
    assert ExitCode.FAILED == code
    assert {"handled": 1, "failed": 1, "passed_over": 0, "gone": 0} == json.loads(text)
    assert f"dead letter {letters[2].position} has failed again: ValueError: no stock" in errors
    assert ["1", "3"] == heard
    assert 2 == len(SyncDeadLetters(engine).list())
    assert ExitCode.NOT_FOUND == run("replay", NAME, str(letters[0].position))[0]


@pytest.mark.parametrize("command", ["discard", "replay"])
def test_nothing_is_changed_unless_it_is_confirmed(
    run: Run, engine: Engine, letters: list[StoredDeadLetter], heard: list[str], command: str
) -> None:
    """It says what it would do; a dry run does only that."""
    first = [NAME] if command == "replay" else []
    code, _, errors = run(command, *first, "--consumer=billing")
    assert ExitCode.USAGE == code
    assert f"would {command} 2 dead letter(s), buried from " in errors
    code, text, _ = run(command, *first, "--all", "--dry-run")
    assert ExitCode.OK == code
    assert text.startswith(f"would {command} 3 dead letter(s), buried from ")
    with pytest.raises(SystemExit):
        run(command, *first)
    assert letters == SyncDeadLetters(engine).list()
    assert [] == heard


def test_discarded_letters_are_gone(
    run: Run, engine: Engine, letters: list[StoredDeadLetter]
) -> None:
    """Named ones without a question."""
    assert "discarded 1 dead letter(s)\n" == run("discard", str(letters[0].position))[1]
    assert ExitCode.NOT_FOUND == run("discard", str(letters[0].position))[0]
    assert '{"discarded": 2}\n' == run("discard", "--all", "--yes", "--json")[1]
    assert [] == SyncDeadLetters(engine).list()
