"""The relay as a process: its output, its end and its exit status."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import SyncOutbox, define_tables, tables
from messagebus.cli import ExitCode, main
from tests._sync.adapters.sqlalchemy.shelves import publish, stored
from tests.cli.conftest import Start
from tests.servers import RedisServer

PATIENCE = 60  # seconds


def lines_of(text: str) -> list[dict[str, Any]]:
    """Return the documents of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_relay_sends_until_it_is_told_to_stop(url: str, engine: Engine, start: Start) -> None:
    """Everything is sent in order; SIGTERM ends the process with success."""
    events = publish(engine, "1", "2")
    process = start(
        "relay",
        f"--database={url}",
        "--transport=stdout:",
        "--poll-interval=10ms",
        "--log-format=json",
    )
    assert process.stdout is not None
    first = [json.loads(process.stdout.readline())["id"] for _ in range(2)]
    events += publish(engine, "3")
    third = json.loads(process.stdout.readline())["id"]
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=PATIENCE)

    assert [str(event.message_id) for event in events] == [*first, third]
    assert ("", ExitCode.OK) == (output, process.returncode)
    assert ["sent"] * 3 == [record.state for record in stored(engine)]
    logged = [line["event"] for line in lines_of(errors)]
    assert ["relay.started", "relay.leading", "relay.stopping", "relay.stopped"] == logged


def test_a_relay_that_is_told_to_stop_lets_another_one_lead_at_once(
    url: str, engine: Engine, start: Start
) -> None:
    """The next process need not wait until the lease of the last one ends."""
    arguments = ("relay", f"--database={url}", "--transport=stdout:", "--lease=1h")
    for number in range(2):
        publish(engine, str(number))
        process = start(*arguments)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert ExitCode.OK == process.returncode


def test_draining_sends_what_is_pending_and_ends(url: str, engine: Engine, start: Start) -> None:
    """A relay that drains ends by itself; its arguments may come from the environment."""
    events = publish(engine, "1", "2", "3")
    process = start(
        "relay",
        "--drain",
        "--log-format=json",
        MESSAGEBUS_DATABASE=url,
        MESSAGEBUS_TRANSPORT="stdout:",
    )
    output, errors = process.communicate(timeout=PATIENCE)

    assert ExitCode.OK == process.returncode
    assert [str(event.message_id) for event in events] == [
        message["id"] for message in lines_of(output)
    ]
    assert [3] == [line["sent"] for line in lines_of(errors) if "sent" in line]


def test_missing_tables_are_created_when_asked_for(url: str, start: Start, tmp_path: Path) -> None:
    """Without the tables a relay does not start, unless it may create them."""
    arguments = ["relay", f"--database={url}", "--transport=stdout:", "--drain"]
    without = start(*arguments)
    _, errors = without.communicate(timeout=PATIENCE)
    assert ExitCode.USAGE == without.returncode
    assert "messagebus_messages does not exist" in errors
    assert "Create it in a migration" in errors

    allowed = start(*arguments, "--create-tables")
    allowed.communicate(timeout=PATIENCE)
    assert ExitCode.OK == allowed.returncode


def test_a_relay_may_stop_at_what_it_cannot_send(url: str, engine: Engine, start: Start) -> None:
    """A supervisor learns that restarting the relay is useless."""
    [event] = publish(engine, "1")
    with engine.begin() as connection:
        connection.execute(sa.update(tables.messages).values(attempts=8, reason="too large"))
    process = start(
        "relay", f"--database={url}", "--transport=stdout:", "--on-poison=stop", "--log-format=json"
    )
    _, errors = process.communicate(timeout=PATIENCE)

    assert ExitCode.POISON == process.returncode
    last = lines_of(errors)[-1]
    assert ("critical", "relay.poisoned") == (last["level"], last["event"])
    assert str(event.message_id) in last["message"]


def test_draining_to_a_broker_that_is_away_fails(url: str, engine: Engine, start: Start) -> None:
    """Messages that cannot be sent stay pending, and the exit status says why."""
    publish(engine, "1")
    process = start(
        "relay",
        f"--database={url}",
        "--transport=redis://127.0.0.1:1/0?stream=s&patience=0",
        "--drain",
    )
    process.communicate(timeout=PATIENCE)

    assert ExitCode.BROKER == process.returncode
    assert [("pending", 0)] == [(each.state, each.attempts) for each in stored(engine)]


@pytest.mark.parametrize(
    ("arguments", "event"), [((), "relay.outage"), (("--drain",), "relay.ended")]
)
def test_a_stream_that_is_missing_is_told_with_what_to_do(
    url: str,
    engine: Engine,
    start: Start,
    redis_url: str,
    unique_name: str,
    arguments: tuple[str, ...],
    event: str,
) -> None:
    """The log of a first start says how to create the destination."""
    publish(engine, "1")
    transport = f"--transport={redis_url}?stream={unique_name}"
    process = start("relay", f"--database={url}", transport, "--log-format=json", *arguments)
    assert process.stderr is not None
    while (line := json.loads(process.stderr.readline()))["event"] != event:
        pass

    assert f"There is no stream '{unique_name}'. Create it " in line["message"]
    assert "or let the transport do it with create=True." in line["message"]


def test_draining_beside_a_leader_that_sends_nothing_fails(
    url: str, engine: Engine, start: Start, own_redis: RedisServer
) -> None:
    """It does not wait for ever; the complaint names the relay that leads."""
    arguments = ["relay", f"--database={url}", "--log-format=json", "--transport"]
    leader = start(*arguments, f"{own_redis.url}?stream=s&create=true&patience=0")
    assert leader.stderr is not None
    while json.loads(leader.stderr.readline())["event"] != "relay.leading":
        pass
    own_redis.kill()
    publish(engine, "1")
    while json.loads(leader.stderr.readline())["event"] != "relay.outage":
        pass
    drainer = start(*arguments, "stdout:", "--drain", "--lease=300ms")
    output, errors = drainer.communicate(timeout=PATIENCE)

    assert ("", ExitCode.BROKER) == (output, drainer.returncode)
    assert "leads and has sent nothing for" in lines_of(errors)[-1]["message"]


def test_draining_a_database_that_is_away_fails(start: Start) -> None:
    """The exit status distinguishes an absent database from an absent broker."""
    process = start(
        "relay",
        "--database=postgresql://nobody@127.0.0.1:1/nothing",
        "--transport=stdout:",
        "--drain",
    )
    process.communicate(timeout=PATIENCE)

    assert ExitCode.DATABASE == process.returncode


def test_a_file_that_cannot_be_made_is_told_in_a_line(start: Start, tmp_path: Path) -> None:
    """Neither a traceback nor the complaint of a thread is in the way."""
    path = tmp_path / "missing" / "file.db"
    process = start(
        "relay", f"--database=sqlite:///{path}", "--transport=stdout:", "--create-tables"
    )
    _, errors = process.communicate(timeout=PATIENCE)

    assert ExitCode.USAGE == process.returncode
    expected = f"messagebus: The database {path} cannot be opened: unable to open database file"
    assert [expected] == errors.splitlines()


def test_what_the_database_refuses_is_told_in_a_line(start: Start, tmp_path: Path) -> None:
    """A file of something else is no reason for a traceback, with any command."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, this is a letter and no database.\n" * 10)
    for command in (["relay", "--transport=stdout:", "--log-level=error"], ["outbox", "status"]):
        process = start(*command, f"--database=sqlite:///{path}")
        _, errors = process.communicate(timeout=PATIENCE)

        assert ExitCode.DATABASE == process.returncode
        [line] = errors.splitlines()
        assert line.endswith("file is not a database")


def test_a_relay_deletes_what_was_sent_if_it_is_told_to(
    url: str, engine: Engine, start: Start
) -> None:
    """How much at once, and how often it looks, are arguments."""
    publish(engine, "1", "2", "3")
    process = start(
        "relay",
        f"--database={url}",
        "--transport=stdout:",
        "--log-format=json",
        "--poll-interval=10ms",
        "--retention=0s",
        "--retention-batch=2",
        "--retention-interval=10ms",
    )
    assert process.stderr is not None
    deleted: list[int] = []
    while sum(deleted) < 3:
        line = json.loads(process.stderr.readline())
        if line["event"] == "relay.purged":
            deleted.append(line["count"])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert [2, 1] == deleted
    assert [] == stored(engine)


def test_a_relay_serves_tables_of_other_names(url: str, engine: Engine, start: Start) -> None:
    """The prefix of the names is an argument."""
    metadata = sa.MetaData()
    own = define_tables(metadata, prefix="shop_")
    metadata.create_all(engine)
    publish(engine, "1")
    with engine.begin() as connection:
        columns = [column for column in tables.messages.c if column.name != "position"]
        connection.execute(
            sa.insert(own.messages).from_select(
                [column.name for column in columns], sa.select(*columns)
            )
        )
    process = start(
        "relay", f"--database={url}", "--transport=stdout:", "--drain", "--prefix=shop_"
    )
    output, _ = process.communicate(timeout=PATIENCE)

    assert 1 == len(lines_of(output))
    assert 1 == SyncOutbox(engine, tables=own).backlog(count_sent=True).sent
    assert 0 == SyncOutbox(engine).backlog(count_sent=True).sent


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--database=mysql://localhost/x"], "SQLite or PostgreSQL, not 'mysql'"),
        (["--database=shop.db"], "given by a URL"),
        (["--database=sqlite:///no/such/file.db"], "There is no database no/such/file.db"),
        (["--database=sqlite://", "--transport=pigeon:"], "scheme 'pigeon'"),
    ],
)
def test_wrong_arguments_are_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """The mistake is named on one line, without a traceback."""
    assert ExitCode.USAGE == main(["relay", "--transport=stdout:", *arguments])
    assert complaint in capsys.readouterr().err


def test_a_missing_file_comes_with_the_option_that_creates_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only where the command has the option, and the folder is there."""
    database = f"--database=sqlite:///{tmp_path / 'new.db'}"
    missing = f"messagebus: There is no database {tmp_path / 'new.db'}"

    assert ExitCode.USAGE == main(["relay", "--transport=stdout:", database])
    advice = "Correct the path, or create it with --create-tables."
    assert f"{missing}. {advice}\n" == capsys.readouterr().err
    assert ExitCode.USAGE == main(["outbox", "status", database])
    assert f"{missing}\n" == capsys.readouterr().err
    folder = f"--database=sqlite:///{tmp_path / 'none' / 'new.db'}"
    assert ExitCode.USAGE == main(["relay", "--transport=stdout:", folder])
    assert "--create-tables" not in capsys.readouterr().err
