"""The rebuilding of a read model from a terminal: its progress, its end and its exit status."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy.engine import Engine

from messagebus import Event, Metadata, SyncMessageBus
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork
from messagebus.cli import ExitCode
from tests.cli.conftest import Start

APP = """
import {sleeper}, pathlib, sys
from messagebus import {colour}MessageBus, Event, Metadata
from messagebus.adapters.sqlalchemy import {colour}SQLAlchemyUnitOfWork, prepare_sqlite
from {module} import {create}
from sqlalchemy.pool import NullPool

class Sold(Event):
    title: str
    metadata: Metadata = Metadata(name="sold", schema_version=1)

class Lent(Event):
    title: str
    metadata: Metadata = Metadata(name="lent", schema_version=1)

engine = prepare_sqlite({create}("{url}", poolclass=NullPool))
go = pathlib.Path("go")

class app:
    bus = {colour}MessageBus()
    dependencies = {{"file": sys.stdout}}

    @staticmethod
    def unit_of_work():
        return {colour}SQLAlchemyUnitOfWork(engine)

class plain:
    bus = app.bus

    @staticmethod
    def unit_of_work():
        return object()

{prefix}def show(event: Sold | Lent, uow, file):
    print(event.title, file=file, flush=True)
    if event.title == "bad":
        raise ValueError(event.title)
    while event.title == "slow" and not go.exists():
        {wait}{sleeper}.sleep(0.01)

app.bus.add_listener(Sold, show)
app.bus.add_listener(Lent, show)
"""


class Sold(Event):
    title: str
    metadata: Metadata = Metadata(name="sold", schema_version=1)


class Lent(Event):
    title: str
    metadata: Metadata = Metadata(name="lent", schema_version=1)


@pytest.fixture(params=["Async", "Sync"])
def app(
    request: pytest.FixtureRequest, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Write an application of one colour into the working directory; return its module."""
    waits = request.param == "Async"
    text = APP.format(
        colour=request.param,
        url=url.replace("sqlite:", "sqlite+aiosqlite:") if waits else url,
        module="sqlalchemy.ext.asyncio" if waits else "sqlalchemy",
        create="create_async_engine" if waits else "create_engine",
        prefix="async " if waits else "",
        wait="await " if waits else "",
        sleeper="asyncio" if waits else "time",
    )
    (tmp_path / "readers.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    return "readers"


def store(engine: Engine, *events: Event) -> None:
    """Store events, as the application did in the past."""
    bus = SyncMessageBus[Any]()
    for event in events:
        with SyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
            bus.handle(event, transaction)
            transaction.commit()


def sold(*titles: str) -> Sequence[Sold]:
    """Return events."""
    return [Sold(title=title) for title in titles]


def lines_of(output: str) -> list[str]:
    """Return the lines but those of the progress, which a run of more than a second shows."""
    return [line for line in output.splitlines() if not line.startswith("position ")]


def next_lines(output: IO[str], count: int) -> list[str]:
    """Read lines, and pass over the progress."""
    lines: list[str] = []
    while len(lines) < count and (line := output.readline()):
        lines += lines_of(line)
    return lines


def test_a_replay_applies_stored_events_and_says_how_many(
    app: str, engine: Engine, url: str, start: Start
) -> None:
    """Another run applies only what was stored meanwhile."""
    store(engine, *sold("a", "b"), Lent(title="c"))
    arguments = ("replay", f"{app}:app", f"--database={url}", "--read-model=readers")
    output, _ = start(*arguments).communicate(timeout=60)
    assert ["a", "b", "c", "replayed 3 message(s), up to position 3"] == lines_of(output)

    store(engine, *sold("d"))
    process = start(*arguments, "--json")
    output, _ = process.communicate(timeout=60)
    title, line = lines_of(output)
    assert ("d", ExitCode.OK) == (title, process.returncode)
    assert {"position": 4, "until": 4, "applied": 1, "complete": True} == json.loads(line)


def test_a_replay_takes_a_part_of_what_is_stored(
    app: str, engine: Engine, url: str, start: Start
) -> None:
    """By names and by the position where its first run begins."""
    store(engine, *sold("a"), Lent(title="b"), *sold("c"), Lent(title="d"))
    arguments = ("replay", f"{app}:app", f"--database={url}")
    for options, titles in (
        (("--read-model=lent", "--names=lent"), [*"bd"]),
        (("--read-model=late", "--names=lent, sold", "--after=2"), [*"cd"]),
        (("--read-model=new", "--since=2999-01-01"), []),
    ):
        output, errors = start(*arguments, *options).communicate(timeout=60)
        said = f"replayed {len(titles)} message(s), up to position 4"
        assert ([*titles, said], "") == (lines_of(output), errors)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_replay_after_the_running_batch(
    app: str, engine: Engine, url: str, start: Start, number: signal.Signals, tmp_path: Path
) -> None:
    """The next run goes on behind it."""
    store(engine, *sold("a", "b", "slow", "c", "d"))
    arguments = ("replay", f"{app}:app", f"--database={url}", "--read-model=a", "--batch-size=2")
    process = start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    assert ["a", "b", "slow"] == next_lines(process.stdout, 3)
    process.send_signal(number)
    assert f"stopping on {number.name}, after the running batch" in process.stderr.readline()
    (tmp_path / "go").touch()
    output, _ = process.communicate(timeout=60)
    said = "stopped: replayed 4 message(s), up to position 4 of 5; run it again to go on"
    assert (["c", said], ExitCode.INTERRUPTED) == (
        lines_of(output),
        process.returncode,
    )

    output, _ = start(*arguments).communicate(timeout=60)
    assert ["d", "replayed 1 message(s), up to position 5"] == lines_of(output)


def test_a_second_signal_does_not_wait(app: str, engine: Engine, url: str, start: Start) -> None:
    """The running batch is rolled back, and comes again."""
    store(engine, *sold("a", "slow"))
    arguments = ("replay", f"{app}:app", f"--database={url}", "--read-model=a", "--batch-size=1")
    process = start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    assert ["a", "slow"] == next_lines(process.stdout, 2)
    process.send_signal(signal.SIGINT)
    assert "stopping" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert ExitCode.INTERRUPTED == process.returncode
    assert "messagebus: interrupted; run it again to go on\n" == errors

    Path("go").touch()
    output, _ = start(*arguments).communicate(timeout=60)
    assert ["slow", "replayed 1 message(s), up to position 2"] == lines_of(output)


def test_an_event_that_a_listener_refuses_ends_the_replay(
    app: str, engine: Engine, url: str, start: Start
) -> None:
    """The error names its position."""
    store(engine, *sold("a", "bad"))
    process = start("replay", f"{app}:app", f"--database={url}", "--read-model=readers")
    _, errors = process.communicate(timeout=60)
    assert ExitCode.FAILED == process.returncode
    assert "ValueError: bad" in errors
    assert "It is replayed from position 2." in errors


@pytest.mark.usefixtures("engine")
def test_a_unit_of_work_that_stores_no_position_is_refused(
    app: str, url: str, start: Start
) -> None:
    """With what it must be."""
    process = start("replay", f"{app}:plain", f"--database={url}", "--read-model=readers")
    _, errors = process.communicate(timeout=60)
    assert ExitCode.USAGE == process.returncode
    assert "cannot store the position of a replay" in errors
    assert "SQLAlchemyUnitOfWork, as the bus needs it." in errors
