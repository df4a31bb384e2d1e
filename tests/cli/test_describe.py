"""The description of an application, on a terminal, for a program, and as a drawing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from messagebus.cli import ExitCode, main
from messagebus.cli.application import load_bus
from messagebus.exceptions import ConfigurationError

SHOP = "examples.shop.bootstrap:new_bus"
APPLICATION = """\
from typing import Any

from messagebus import AsyncMessageBus, Command, Consumer, Depends, Event, Metadata, SyncMessageBus


class Take(Command):
    metadata: Metadata = Metadata(name="take", schema_version=1)


class Taken(Event):
    metadata: Metadata = Metadata(name="taken", schema_version=3, published=True)


class Alone(Command):
    metadata: Metadata = Metadata(name="alone", schema_version=1)


def get_clock() -> str:
    return "noon"


def take(command: Take, uow: Any, mailer: Any, pen: Any = None, clock: str = Depends(get_clock)):
    uow.messages.append(Taken())


def note(event: Taken) -> None: ...


class App:
    def __init__(self) -> None:
        self.bus = SyncMessageBus(mailer=dict)
        self.bus.add_listener(Take, take)
        consumer = Consumer()
        consumer.handler(note)
        self.bus.include(consumer)


def needing(settings):
    return SyncMessageBus()


app = App()
bus = app.bus
empty = AsyncMessageBus()
"""


@pytest.fixture
def described_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the name of a module with an application."""
    name = "described_application"
    (tmp_path / f"{name}.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_a_table_has_a_line_for_each_message_and_listener(
    described_app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it depends on, by name and by declaration, and what it may raise."""
    assert ExitCode.OK == main(["describe", f"{described_app}:app"])

    head, *lines = capsys.readouterr().out.splitlines()
    expected = "kind message type published listener dependencies may raise"
    assert expected == " ".join(head.split())
    module = described_app
    needs = f"mailer=builtins.dict, pen?, clock={module}.get_clock"
    assert [
        "command Alone alone_v1 no none",
        f"command Take take_v1 no {module}.take {needs} Taken",
        f"event Taken taken_v3 yes {module}.note (consumer)",
    ] == [" ".join(line.split()) for line in lines]


def test_a_description_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, all that is known is there."""
    assert ExitCode.OK == main(["describe", SHOP, "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert 9 == len(answer["messages"])
    (taking,) = [each for each in answer["listeners"] if each["name"].endswith(".take_order")]
    assert {
        "name": "examples.shop.handlers.take_order",
        "hears": ["TakeOrder"],
        "consumer": None,
        "dependencies": [],
        "raises": ["examples.shop.messages.OrderTaken"],
    } == taking


def test_a_description_is_drawn_for_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    """Ready to be put into a page."""
    assert ExitCode.OK == main(["describe", SHOP, "--format", "mermaid"])

    text = capsys.readouterr().out
    assert text.startswith("flowchart TD\n")
    assert 7 == text.count(" --> ")


def test_a_description_is_drawn_as_svg_into_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed then."""
    path = tmp_path / "shop.svg"

    assert ExitCode.OK == main(["describe", SHOP, "--format=svg", f"--output={path}"])

    assert ("", "") == capsys.readouterr()
    svg = path.read_text("utf-8")
    assert 9 == svg.count("data-path=")
    ET.fromstring(svg)  # noqa: S314 - our own


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_drawing_is_right_in_every_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the output cannot show is written as a reference."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)

    main(["describe", SHOP, "--format=svg"])

    output.seek(0)
    texts = [each.text or "" for each in ET.fromstring(output.read()).iter()]  # noqa: S314
    assert "▸ take_order" in texts


def test_every_format_can_be_written_into_a_file(tmp_path: Path) -> None:
    """A table and JSON as well."""
    path = tmp_path / "shop"
    for arguments, beginning in (([], "kind"), (["--json"], "{"), (["--format=svg"], "<svg")):
        assert ExitCode.OK == main(["describe", SHOP, f"--output={path}", *arguments])
        assert path.read_text().startswith(beginning)


def test_a_file_that_cannot_be_written_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason of the system."""
    code = main(["describe", SHOP, f"--output={tmp_path / 'missing' / 'shop.svg'}"])

    assert ExitCode.USAGE == code
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_file_is_kept_if_the_application_is_wrong(tmp_path: Path) -> None:
    """It is opened only when there is something to write."""
    path = tmp_path / "shop.svg"
    path.write_text("kept")

    assert ExitCode.USAGE == main(["describe", "no_such_module:app", f"--output={path}"])
    assert "kept" == path.read_text()


def test_json_has_no_other_format(capsys: pytest.CaptureFixture[str]) -> None:
    """One of the two would be ignored."""
    with pytest.raises(SystemExit):
        main(["describe", SHOP, "--json", "--format=svg"])
    assert "--json and --format" in capsys.readouterr().err


def test_a_bus_is_found_in_an_object_or_made_by_a_function(described_app: str) -> None:
    """No unit of work is needed, and so no database."""
    app = load_bus(f"{described_app}:app")

    assert app is load_bus(f"{described_app}:bus")
    assert load_bus(f"{described_app}:App").commands_registry.keys() == app.commands_registry.keys()
    assert load_bus(SHOP) is not load_bus(SHOP)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("needing", "needs settings to be called"),
        ("take", "needs command, uow, mailer to be called"),
        ("get_clock", "has no bus"),
        ("note.__module__", "has no bus"),
        ("nothing", "has no 'nothing'"),
    ],
)
def test_what_is_no_bus_is_refused(path: str, said: str, described_app: str) -> None:
    """With what to name instead."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_bus(f"{described_app}:{path}")
    assert "shop.app:bus" in str(caught.value.__notes__)


def test_an_empty_bus_is_described(described_app: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By a head without lines, or an empty drawing."""
    assert ExitCode.OK == main(["describe", f"{described_app}:empty"])
    assert 1 == len(capsys.readouterr().out.splitlines())
    assert ExitCode.OK == main(["describe", f"{described_app}:empty", "--format=svg"])


@pytest.mark.slow
def test_a_description_needs_no_database_library(described_app: str) -> None:
    """An application without an outbox can be described, too."""
    code = (
        "import sys; from messagebus.cli import main; "
        f"main(['describe', '{described_app}:bus']); "
        "sys.exit('sqlalchemy' in sys.modules or 'rich' in sys.modules)"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        capture_output=True,
    )
    assert (0, b"") == (done.returncode, done.stderr)
