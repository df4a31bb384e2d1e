"""The tree of what a message has caused, on a terminal and for a program."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import SyncOutboxRelay, tables
from messagebus.cli import ExitCode, main
from messagebus.testing.outbox import SyncRecorder
from tests._sync.adapters.sqlalchemy.shelves import SyncShelves, new_bus
from tests._sync.adapters.sqlalchemy.test_message_tree import insert, row
from tests.bookshelf import Base
from tests.library import RegisterBook

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(url: str, engine: Engine, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that shows a tree, and returns status, output and complaints."""

    def run(identifier: object, *arguments: str) -> tuple[int, str, str]:
        code = main(["history", "tree", str(identifier), f"--database={url}", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def drawn(text: str) -> list[str]:
    """Return the first column of a table, without its head."""
    return [line.partition("  0000")[0].rstrip() for line in text.splitlines()[1:]]


def test_a_tree_shows_what_a_command_has_caused(run: Run, engine: Engine) -> None:
    """With the identifier, the time and the state of each message."""
    Base.metadata.create_all(engine)
    command = RegisterBook(id="1", title="Emma")
    bus = new_bus()
    with SyncShelves(engine) as transaction:
        bus.handle(command, transaction)
        transaction.commit()

    code, text, problems = run(command.message_id)

    assert (ExitCode.OK, "") == (code, problems)
    head, *lines = text.splitlines()
    assert ["type", "message_id", "created_at", "state"] == head.split()
    assert ["register_book_v1", "└─ book_registered_v1", "   └─ shelf_counted_v1"] == [
        line[: head.index("message_id")].rstrip() for line in lines
    ]
    assert str(command.message_id) == lines[0].split()[1]
    assert ["private", "pending", "private"] == [line.split()[-1] for line in lines]


def test_a_tree_can_be_read_by_a_program(run: Run, engine: Engine) -> None:
    """A list, because JSON that is nested too deep cannot be read."""
    insert(engine, row(1, None), row(2, 1, state="parked", published=True, reason="too large"))

    code, text, _ = run(UUID(int=1), "--json")

    answer = json.loads(text)
    assert ExitCode.OK == code
    assert answer["complete"]
    first, second = answer["messages"]
    assert (0, "event_1_v1", None, None) == (
        first["depth"],
        first["type"],
        first["causation_id"],
        first["state"],
    )
    assert (1, str(UUID(int=1)), "parked", "too large") == (
        second["depth"],
        second["causation_id"],
        second["state"],
        second["reason"],
    )


def test_lines_connect_a_message_with_what_it_caused(run: Run, engine: Engine) -> None:
    """Each goes on for as long as there are siblings."""
    insert(engine, row(1, None), row(2, 1), row(3, 2), row(4, 2), row(5, 4), row(6, 1), row(7, 6))

    _, text, _ = run(UUID(int=1))

    assert [
        "event_1_v1",
        "├─ event_2_v1",
        "│  ├─ event_3_v1",
        "│  └─ event_4_v1",
        "│     └─ event_5_v1",
        "└─ event_6_v1",
        "   └─ event_7_v1",
    ] == drawn(text)


def test_a_terminal_without_such_lines_gets_others(
    run: Run, engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of characters that every encoding has."""
    insert(engine, row(1, None), row(2, 1), row(3, 2), row(4, 1))
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)

    main(["history", "tree", str(UUID(int=1)), f"--database={url}"])

    output.seek(0)
    expected = ["event_1_v1", "|- event_2_v1", "|  `- event_3_v1", "`- event_4_v1"]
    assert expected == drawn(output.read())


def test_a_deep_message_has_a_number_instead_of_lines(run: Run, engine: Engine) -> None:
    """A chain of thousands would move the rest of the table out of sight."""
    chain = [row(number, number - 1 or None) for number in range(1, 2_001)]
    insert(engine, *chain)

    _, text, _ = run(UUID(int=1), "--limit=5000")

    lines = drawn(text)
    assert "   " * 19 + "└─ event_21_v1" == lines[20]
    assert ["(21) event_22_v1", "(1999) event_2000_v1"] == [lines[21], lines[-1]]


def test_what_is_odd_about_a_message_is_said(run: Run, engine: Engine) -> None:
    """A missing cause, a circle, and the reason why a message was not sent."""
    first, fifth = UUID(int=1), UUID(int=5)
    parked: dict[str, Any] = {
        "state": "parked",
        "published": True,
        "attempts": 8,
        "reason": "too\nlarge",
    }
    insert(engine, row(2, 1), row(3, 2, **parked), row(4, 5), row(5, 4))

    _, text, _ = run(first)

    states = [line.partition("+00:00  ")[2] for line in text.splitlines()[1:]]
    assert [
        f"private; its cause {first} is not stored",
        "parked after 8 attempt(s): too large",
        f"private; its cause {fifth} was caused by it",
        "private",
    ] == states


def test_a_name_cannot_move_the_cursor(run: Run, engine: Engine) -> None:
    """Nor end its line."""
    insert(engine, row(1, None, name="\x1b[2J\nname"))

    _, text, _ = run(UUID(int=1))

    assert ["\\x1b[2J name_v1"] == drawn(text)


def test_the_limit_is_mentioned_when_it_hides_something(run: Run, engine: Engine) -> None:
    """On standard error, so that the output stays a table or JSON."""
    insert(engine, row(1, None), row(2, 1), row(3, 1))

    code, text, problems = run(UUID(int=1), "--limit=2")
    assert ExitCode.OK == code
    assert 3 == len(text.splitlines())
    assert "the cascade has more than 2 messages; --limit shows more" in problems
    code, text, _ = run(UUID(int=1), "--limit=2", "--json")
    assert not json.loads(text)["complete"]
    assert "" == run(UUID(int=1), "--limit=3")[2]


def test_an_unknown_message_is_reported(run: Run) -> None:
    """By the exit status, too."""
    code, text, problems = run(uuid4())

    assert (ExitCode.NOT_FOUND, "") == (code, text)
    assert "there is no message" in problems


def test_the_state_is_that_of_the_sending(run: Run, engine: Engine) -> None:
    """A message that a relay has sent is shown as sent."""
    Base.metadata.create_all(engine)
    bus = new_bus()
    command = RegisterBook(id="1", title="Emma")
    with SyncShelves(engine) as transaction:
        bus.handle(command, transaction)
        transaction.commit()
    SyncOutboxRelay(engine, SyncRecorder()).drain()

    _, text, _ = run(command.message_id)

    assert ["private", "sent", "private"] == [line.split()[-1] for line in text.splitlines()[1:]]


def test_a_database_without_tables_is_reported(
    url: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit status of wrong usage, as for the outbox."""
    tables.messages.metadata.drop_all(engine)

    code = main(["history", "tree", str(uuid4()), f"--database={url}"])

    assert ExitCode.USAGE == code
    assert "messagebus_messages" in capsys.readouterr().err


def test_rows_are_only_read(run: Run, engine: Engine) -> None:
    """Looking at a tree changes nothing."""
    insert(engine, row(1, None))
    query = sa.select(tables.messages)
    with engine.connect() as connection:
        before = connection.execute(query).all()

    run(UUID(int=1))

    with engine.connect() as connection:
        assert before == connection.execute(query).all()
