"""The inspection and repair of an outbox from a terminal or a program."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus.adapters.sqlalchemy import SyncOutboxRelay, sync_create_tables, tables
from messagebus.cli import ExitCode, main
from messagebus.testing.outbox import SyncRecorder
from tests._sync.adapters.sqlalchemy.shelves import publish, stored
from tests.cli.conftest import Start
from tests.servers import PostgresServer

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(url: str, engine: Engine, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command on the outbox, and returns its status and output."""

    def run(command: str, *arguments: str) -> tuple[int, str]:
        code = main(["outbox", command, f"--database={url}", *arguments])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def parked(engine: Engine) -> list[str]:
    """Return the identifiers of three messages that were parked."""
    transport = SyncRecorder()
    events = publish(engine, "1", "2", "3")
    transport.poison = {str(event.message_id): RuntimeError("too\n large") for event in events}
    SyncOutboxRelay(engine, transport, max_attempts=1).drain()
    return [str(event.message_id) for event in events]


def test_the_status_says_how_much_there_is(run: Run, engine: Engine, parked: list[str]) -> None:
    """It shows pending messages with their age, parked ones and the leader, as text and JSON."""
    publish(engine, "4", "5")
    code, text = run("status")
    assert ExitCode.OK == code
    lines = text.splitlines()
    assert lines[0].startswith("pending  2, the oldest for ")
    assert ["parked   3", "leader   none"] == lines[1:]

    code, text = run("status", "--json")
    answer = json.loads(text)
    assert ExitCode.OK == code
    assert (2, 3, None) == (answer["pending"], answer["parked"], answer["sent"])
    assert answer["oldest_age"] >= 0
    assert answer["leader"]["expired"]
    assert [] == answer["problems"]


def test_what_was_sent_is_counted_on_request(run: Run, engine: Engine) -> None:
    """It is one more line, and a number instead of null."""
    publish(engine, "1", "2")
    SyncOutboxRelay(engine, SyncRecorder()).drain()

    assert "sent     2" in run("status", "--count-sent")[1].splitlines()
    assert 2 == json.loads(run("status", "--count-sent", "--json")[1])["sent"]


def test_the_status_can_be_asked_whether_it_is_good(
    run: Run, engine: Engine, parked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exceeded limits make the command fail, for monitoring."""
    publish(engine, "4")

    assert ExitCode.OK == run("status", "--max-parked=3", "--max-age=1h")[0]
    code, text = run("status", "--max-parked=2", "--max-age=0s", "--json")
    assert ExitCode.UNHEALTHY == code
    assert 2 == len(json.loads(text)["problems"])


def test_parked_messages_are_listed(run: Run, parked: list[str]) -> None:
    """One line for each, in the order of their position, whatever the reason looks like."""
    code, text = run("list")
    header, *lines = text.splitlines()

    assert ExitCode.OK == code
    assert header.split() == [
        *("position", "message_id", "type", "state", "attempts", "created_at", "reason"),
    ]
    assert parked == [line.split()[1] for line in lines]
    assert lines[0].endswith("RuntimeError: too large")


def test_a_list_can_be_read_by_a_program(run: Run, engine: Engine, parked: list[str]) -> None:
    """As JSON, all that is known of each message is there."""
    publish(engine, "4")
    _, text = run("list", "--json", "--after=1", "--limit=1")
    [record] = json.loads(text)

    assert parked[1] == record["message_id"]
    assert ("book_borrowed_v2", "parked", 1) == (
        record["type"],
        record["state"],
        record["attempts"],
    )
    assert datetime.fromisoformat(record["created_at"]).tzinfo is not None
    assert 1 == len(json.loads(run("list", "--json", "--state=pending")[1]))
    assert [] == json.loads(run("list", "--json", "--state=private")[1])


def test_a_message_is_shown(run: Run, parked: list[str]) -> None:
    """It is shown as text and as JSON; the exit status reports a missing one."""
    code, text = run("show", parked[0])
    assert ExitCode.OK == code
    assert ["message_id", parked[0]] == text.splitlines()[1].split()
    assert '{"id":"1"}' in text

    assert parked[0] == json.loads(run("show", parked[0], "--json")[1])["message_id"]
    assert ExitCode.NOT_FOUND == run("show", str(uuid4()))[0]


def test_a_payload_is_edited(run: Run, parked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes as an argument or from standard input; only a message that is parked takes it."""
    assert ExitCode.OK == run("edit", parked[0], '--payload={"id":"7"}')[0]
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id":"8"}'))
    code, text = run("edit", parked[0], "--payload=-", "--json")

    assert (ExitCode.OK, '{"id":"8"}') == (code, json.loads(text)["payload"])
    assert ExitCode.USAGE == run("edit", parked[0], "--payload=[]")[0]
    assert ExitCode.NOT_FOUND == run("edit", str(uuid4()), "--payload={}")[0]


def test_messages_are_replayed(run: Run, engine: Engine, parked: list[str]) -> None:
    """Some by their names, or all; the exit status reports that none was found."""
    assert (ExitCode.OK, "replayed 1 message(s)\n") == run("replay", parked[1])
    assert ["parked", "pending", "parked"] == [record.state for record in stored(engine)]
    assert (ExitCode.OK, '{"replayed": 2}\n') == run("replay", "--all", "--yes", "--json")
    assert (ExitCode.NOT_FOUND, "replayed 0 message(s)\n") == run("replay", "--all", "--yes")


def test_messages_are_discarded(run: Run, engine: Engine, parked: list[str]) -> None:
    """Some by their names, or all."""
    assert (ExitCode.OK, "discarded 1 message(s)\n") == run("discard", parked[0])
    assert ["discarded", "parked", "parked"] == [record.state for record in stored(engine)]
    assert (ExitCode.OK, '{"discarded": 2}\n') == run("discard", "--all", "--yes", "--json")


@pytest.mark.parametrize("command", ["replay", "discard", "resend"])
def test_which_messages_are_meant_has_to_be_said(run: Run, command: str) -> None:
    """Neither nothing nor everything is done by mistake."""
    with pytest.raises(SystemExit):
        run(command)
    with pytest.raises(SystemExit):
        run(command, str(uuid4()), "--all")
    with pytest.raises(SystemExit):
        run(command, str(uuid4()), "--name=book_borrowed")
    with pytest.raises(SystemExit):
        run(command, str(uuid4()), "--dry-run")


def test_what_was_sent_is_sent_again(run: Run, engine: Engine) -> None:
    """Some messages by their names, or those that the filters leave."""
    events = publish(engine, "1", "2", "3")
    SyncOutboxRelay(engine, SyncRecorder()).drain()
    first, second, _ = (str(event.message_id) for event in events)

    assert (ExitCode.OK, "resent 1 message(s)\n") == run("resend", first)
    assert (ExitCode.NOT_FOUND, "resent 0 message(s)\n") == run("resend", first)
    assert (ExitCode.OK, '{"resent": 1}\n') == run(
        "resend", f"--correlation={second}", "--yes", "--json"
    )
    assert (ExitCode.NOT_FOUND, "resent 0 message(s)\n") == run("resend", "--name=x", "--yes")
    assert ["pending", "pending", "sent"] == [record.state for record in stored(engine)]
    assert (ExitCode.OK, "resent 1 message(s)\n") == run("resend", "--all", "--yes")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--name=book_borrowed"], 3),
        (["--name=book_borrowed_v2", "--kind=event", "--since=1h"], 3),
        (["--name=book_borrowed_v1"], 0),
        (["--kind=command"], 0),
        (["--reason=large"], 3),
        (["--reason=l%e"], 0),
        (["--since=2020-01-01", "--until=9999-12-31T23:59:59Z"], 3),
        (["--since=9999-12-31"], 0),
        (["--until=2020-01-01T00:00:00-12:00"], 0),
        (["--until=90m"], 0),
        (["--since=36500d"], 3),
        (["--correlation=01a20526-ad91-743e-b996-93d3b24d6bec"], 0),
    ],
    ids=str,
)
def test_messages_are_filtered(
    run: Run, parked: list[str], filters: list[str], expected: int
) -> None:
    """A list shows what the same filters would replay or discard, or resend or purge once sent."""
    assert expected == len(json.loads(run("list", "--json", *filters)[1]))
    for command in ("replay", "discard"):
        code, text = run(command, *filters, "--all", "--dry-run", "--json")
        assert (ExitCode.OK, expected) == (code, json.loads(text)["count"])
    assert f'{{"replayed": {expected}}}\n' == run("replay", *filters, "--yes", "--json")[1]


def test_what_is_shown_of_metadata_is_json(run: Run, parked: list[str]) -> None:
    """Whatever a program or a person copies from it can be read."""
    _, text = run("show", parked[0])
    [line] = [line for line in text.splitlines() if line.startswith("metadata")]

    assert "book_borrowed" == json.loads(line.removeprefix("metadata"))["name"]


def test_a_message_does_not_move_the_cursor(run: Run, engine: Engine) -> None:
    """What others wrote is shown with its control characters escaped."""
    [event] = publish(engine, "1")
    with engine.begin() as connection:
        connection.execute(
            sa.update(tables.messages).values(state="parked", reason="\x1b[2Jgone \x9b1m\u202e")
        )
    for arguments in (["list"], ["show", str(event.message_id)]):
        text = run(*arguments)[1]
        assert r"\x1b[2Jgone \x9b1m\u202e" in text
        assert "\x1b" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "--all"],
        ["discard", "--all"],
        ["resend", "--since=1d"],
        ["purge", "--older-than=0s"],
    ],
    ids=str,
)
def test_without_a_terminal_nothing_is_changed_unless_it_is_confirmed(
    run: Run,
    engine: Engine,
    parked: list[str],
    url: str,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    """It says what it would do, and refuses."""
    publish(engine, "4")
    SyncOutboxRelay(engine, SyncRecorder()).drain()
    before = stored(engine)

    assert ExitCode.USAGE == main(["outbox", *arguments, f"--database={url}"])
    count = 3 if "--all" in arguments else 1
    _, errors = capsys.readouterr()
    assert re.fullmatch(
        rf"messagebus: would \w+ {count} (sent|parked) message\(s\), (sent|created) from "
        r"2\S+ to 2\S+; nothing was done: add --yes\n",
        errors,
    )
    code, text = run(*arguments, "--dry-run")
    assert (ExitCode.OK, f"{errors.removeprefix('messagebus: ').partition(';')[0]}\n") == (
        code,
        text,
    )
    assert ExitCode.OK == run(*arguments, "--dry-run", "--yes")[0]
    assert before == stored(engine)


def test_what_was_sent_is_deleted_when_asked_for(run: Run, engine: Engine) -> None:
    """Only what is old enough goes."""
    publish(engine, "1", "2", "3")
    SyncOutboxRelay(engine, SyncRecorder()).drain()

    assert (ExitCode.OK, "deleted 0 message(s)\n") == run("purge", "--older-than=1d", "--yes")
    assert (ExitCode.OK, '{"deleted": 3}\n') == run("purge", "--older-than=0s", "--yes", "--json")
    assert [] == stored(engine)


def test_a_database_without_the_tables_is_no_outbox(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The complaint names the table."""
    assert ExitCode.USAGE == main(["outbox", "status", f"--database={url}"])
    assert "messagebus_messages does not exist" in capsys.readouterr().err


def test_a_database_that_is_away_is_told_by_the_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is one line, and no traceback."""
    code = main(["outbox", "status", "--database=postgresql://nobody@127.0.0.1:1/nothing"])

    assert ExitCode.DATABASE == code
    assert capsys.readouterr().err.startswith("messagebus: connection failed")


@pytest.mark.parametrize("command", ["status", "purge", "upgrade"])
def test_a_lock_ends_a_command_at_its_limit(
    command: str, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that does not answer ends it with one line, and with the status for databases."""
    engine = sa.create_engine(postgres_url)
    sync_create_tables(engine)
    lock = f"LOCK TABLE {tables.messages.name} IN ACCESS EXCLUSIVE MODE"
    arguments = ["--older-than=1d", "--yes"] if command == "purge" else []
    with engine.begin() as connection:
        connection.exec_driver_sql(lock)
        limited = [f"--database={postgres_url}", "--timeout=200ms"]
        code = main(["outbox", command, *limited, *arguments])
    engine.dispose()
    assert ExitCode.DATABASE == code
    assert capsys.readouterr().err == (
        "messagebus: the database has not answered for 0.2 s. "
        "If it needs longer for this, pass a longer --timeout.\n"
    )


@pytest.mark.slow
def test_a_frozen_server_ends_a_command(
    own_postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that accepts connections and says nothing is no reason to wait for ever."""
    own_postgres.freeze()
    url = f"{own_postgres.url}?connect_timeout=2"
    code = main(["outbox", "status", f"--database={url}", "--timeout=1s"])
    own_postgres.thaw()
    error = capsys.readouterr().err
    assert ExitCode.DATABASE == code
    assert "timeout" in error
    assert 1 == error.count("\n")


def test_a_missing_right_is_told_with_what_to_do(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command gives the same advice as a relay."""
    engine = sa.create_engine(postgres_url)
    sync_create_tables(engine)
    role = f"reader_{uuid4().hex}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
    url = engine.url.set(username=role).render_as_string(hide_password=False)
    code = main(["outbox", "status", f"--database={url}"])
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()
    error = capsys.readouterr().err
    assert ExitCode.DATABASE == code
    assert "permission denied for table" in error
    assert "Grant the user SELECT, INSERT, UPDATE and DELETE" in error
    assert 1 == error.count("\n")


def test_without_standard_streams_nothing_ends_in_a_traceback(
    run: Run, parked: list[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A service manager may start a process without them."""
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None)

    for arguments in (["list"], ["list", "--json"], ["status"], ["show", parked[0]]):
        assert ExitCode.OK == main(["outbox", *arguments, f"--database={url}", "--schema="])
    assert ExitCode.USAGE == main(["outbox", "replay", "--all", f"--database={url}"])


def test_a_reader_that_leaves_is_no_failure(engine: Engine, url: str, start: Start) -> None:
    """`head` and `less` close their end before all is printed."""
    publish(engine, *map(str, range(500)))
    process = start("outbox", "list", "--state=pending", "--limit=500", f"--database={url}")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)

    assert (ExitCode.OK, "") == (process.returncode, errors)


def test_tables_of_an_earlier_version_are_upgraded(run: Run, engine: Engine) -> None:
    """The other commands refuse them, and say how; the messages stay."""
    publish(engine, "1")
    with engine.begin() as connection:
        tables.version.drop(connection)
        connection.exec_driver_sql(f"ALTER TABLE {tables.lease.name} DROP COLUMN sending_to")
    assert ExitCode.USAGE == run("status")[0]

    assert (ExitCode.OK, {"version_before": 1, "version": 4}) == answer_of(run("upgrade", "--json"))
    assert (ExitCode.OK, "tables  version 4 already\n") == run("upgrade")
    assert (ExitCode.OK, 1) == (run("status")[0], len(stored(engine)))


def test_missing_tables_are_created_by_an_upgrade(run: Run, engine: Engine) -> None:
    """One command serves a new database as well."""
    tables.messages.metadata.drop_all(engine)
    assert (ExitCode.OK, "tables  created, now version 4\n") == run("upgrade")
    assert [] == stored(engine)


def answer_of(done: tuple[int, str]) -> tuple[int, object]:
    """Return the status of a command, and the JSON that it printed."""
    return done[0], json.loads(done[1])
