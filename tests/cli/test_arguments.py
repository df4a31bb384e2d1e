"""The arguments: their values, the environment, the help."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import messagebus
from messagebus.cli import ExitCode, main
from messagebus.cli.arguments import parse

ROOT = Path(__file__).parents[2]
RELAY = ("relay", "--database=sqlite:///shop.db", "--transport=stdout:")
PURGE = ("outbox", "purge", "--database=sqlite:///shop.db")
LIST = ("outbox", "list", "--database=sqlite:///shop.db")
STATUS = ("outbox", "status", "--database=sqlite:///shop.db")
COMMANDS = [
    [],
    ["relay"],
    ["outbox"],
    *(
        ["outbox", each]
        for each in ["status", "list", "show", "edit", "replay", "discard", "resend", "purge"]
    ),
    *(["deadletters", each] for each in ["list", "show", "edit", "replay", "discard"]),
]

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a function that parses wrong arguments and returns the complaint, a line."""

    def refused(*arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert ExitCode.USAGE == caught.value.code
        output, errors = capsys.readouterr()
        assert "" == output
        [line] = errors.splitlines()
        assert line.startswith("messagebus: ")
        return line

    return refused


def test_there_is_a_command_of_the_name_of_the_package() -> None:
    """It is the same function as `python -m messagebus`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["scripts"]["messagebus"].partition(":")

    assert main is getattr(import_module(module), name)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It is that of the package that runs."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert ExitCode.OK == caught.value.code
    assert f"messagebus {messagebus.__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_fits_a_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line has more than 80 characters, and every option names its variable."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    text = capsys.readouterr().out

    assert ExitCode.OK == caught.value.code
    assert [] == [line for line in text.splitlines() if len(line) > 80]
    options = re.findall(r"^  (--[\w-]+)", text, re.MULTILINE)
    variables = re.findall(r"\[(MESSAGEBUS_\w+)\]", text)
    expected = [f"MESSAGEBUS_{each[2:].replace('-', '_').upper()}" for each in options]
    assert expected == (variables or ["MESSAGEBUS_VERSION"] * len(options))


def test_the_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists every status."""
    with pytest.raises(SystemExit):
        main(["--help"])

    text = capsys.readouterr().out
    for code in ExitCode:
        assert f"{code:3}  " in text


def test_the_help_needs_no_library() -> None:
    """It comes at once, also where neither SQLAlchemy nor rich is installed."""
    program = (
        "import sys\nfrom messagebus.cli import main\n"
        "try: main(['outbox', 'list', '--help'])\n"
        "finally: print(sys.modules.keys() & {'sqlalchemy', 'rich', 'redis', 'nats'})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "set()" == done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*RELAY, "--lease=soon"), "'soon' is not a time: use 90, 500ms, 30s, 5m, 12h or 7d"),
        ((*RELAY, "--lease=0"), "--lease: '0' is too short: it must be at least 1ms"),
        ((*RELAY, "--lease=25d"), "'25d' is too long: it must be at most 24d"),
        ((*RELAY, "--lease=-1s"), "'-1s' is not a time"),
        ((*RELAY, "--lease", "-1s"), "--lease: "),  # an option or a value, by version
        ((*RELAY, "--lease=\u0661s"), "is not a time"),
        ((*RELAY, "--poll-interval=0.0001ms"), "is too short"),
        ((*RELAY, "--backoff=1e400"), "'1e400' is not a time"),
        ((*RELAY, "--backoff=nan"), "'nan' is not a time"),
        ((*RELAY, "--backoff=inf"), "'inf' is not a time"),
        ((*RELAY, f"--backoff={'9' * 400}"), "is too long: it must be at most 36500d"),
        ((*RELAY, "--longest-backoff=5 m"), "is not a time"),
        ((*RELAY, "--retention=30"), "'30' has no unit: use 500ms, 30s, 5m, 12h or 7d"),
        ((*RELAY, "--retention=0"), "'0' has no unit"),
        ((*RELAY, "--retention=40000d"), "is too long"),
        ((*RELAY, "--batch-size=0"), "it must be greater than zero, and at most 30000"),
        ((*RELAY, "--batch-size=30001"), "at most 30000"),
        ((*RELAY, "--batch-size=1_000"), "'1_000' is not a whole number"),
        ((*RELAY, "--batch-size=1e3"), "'1e3' is not a whole number"),
        ((*RELAY, "--batch-size="), "'' is not a whole number"),
        ((*RELAY, f"--max-attempts={'9' * 5000}"), "at most 2147483647"),
        ((*RELAY, "--on-poison=eat"), "'eat' is not one of park, stop"),
        ((*RELAY, f"--prefix={'x' * 50}"), "at most 49 bytes"),
        ((*RELAY, "--prefix=a\nb"), "no control characters"),
        ((*RELAY, "--drain=yes"), "ignored explicit argument"),
        ((*RELAY, "--dra"), "unrecognized arguments: --dra"),
        ((*PURGE, "--older-than=3"), "'3' has no unit"),
        ((*PURGE, "--older-than=9999999999999d"), "is too long"),
        ((*PURGE, "--older-than=-3d"), "is not a time: use 500ms"),
        (PURGE, "missing: --older-than (or MESSAGEBUS_OLDER_THAN)"),
        ((*LIST, "--limit=-5"), "it must be greater than zero"),
        ((*LIST, "--limit", "-5"), "it must be greater than zero"),
        ((*LIST, "--limit=0"), "it must be greater than zero"),
        ((*LIST, "--after=99999999999999999999999"), "at most 9223372036854775807"),
        ((*LIST, "--after=-1"), "it must be at least 0"),
        ((*LIST, "--since=90"), "'90' is not a time: use 2026-11-22, "),
        ((*LIST, "--since=2026"), "'2026' is not a time"),
        ((*LIST, "--since=2026-13-01"), "'2026-13-01' is not a time"),
        ((*LIST, "--since=0001-01-01T00:00+05:00"), "is not a time"),
        ((*LIST, "--until=9999-12-31T23:59-05:00"), "is not a time"),
        ((*LIST, "--until=40000d"), "is too long"),
        ((*LIST, "--kind=query"), "'query' is not one of command, event"),
        ((*LIST, "--correlation=1"), "'1' is not an identifier like "),
        ((*STATUS, "--max-parked=-1"), "it must be at least 0"),
        ((*STATUS, "--max-age=-1"), "is not a time"),
        (("relay",), "missing: --database (or MESSAGEBUS_DATABASE), --transport (or "),
        ((), "required: COMMAND"),
        (("outbox",), "required: COMMAND"),
    ],
    ids=str,
)
def test_wrong_values_are_refused(
    refused: Refused, arguments: tuple[str, ...], complaint: str
) -> None:
    """The complaint is one line, which names the option and says what would be right."""
    line = refused(*arguments)

    assert complaint in line
    assert line.endswith("--help")


@pytest.mark.parametrize(
    "arguments",
    [
        ["relay", "--transprot=redis://app:hun@secret@localhost"],
        ["relay", "--transprot", "redis://app:hun@secret@localhost"],
        ["redis://app:hun secret@localhost"],
        ["relay", "--lease=redis://app:hunsecret@localhost"],
        ["outbox", "show", "postgresql://app:hun@secret@localhost"],
    ],
    ids=str,
)
def test_a_password_in_the_wrong_place_is_not_repeated(
    refused: Refused, arguments: list[str]
) -> None:
    """A misspelt option is named without what was given for it."""
    line = refused(*arguments)

    assert "hun" not in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("batch_size", "7", 7),
        ("batch_size", "", 500),
        ("prefix", "shop_", "shop_"),
        ("schema", "shop", "shop"),
        ("lease", "90", 90.0),
        ("lease", "1.5m", 90.0),
        ("poll_interval", "500ms", 0.5),
        ("longest_backoff", "12h", 43_200.0),
        ("retention_interval", "0", 0.0),
        ("on_poison", "stop", "stop"),
        ("drain", "yes", True),
        ("drain", "False", False),
        ("drain", "", False),
        ("log_format", "json", "json"),
    ],
)
def test_each_option_may_be_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, option: str, text: str, value: object
) -> None:
    """An empty variable counts as not set."""
    monkeypatch.setenv(f"MESSAGEBUS_{option.upper()}", text)

    assert value == getattr(parse(RELAY), option)


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a wrong variable matters then, nor one of another command."""
    monkeypatch.setenv("MESSAGEBUS_LEASE", "soon")
    monkeypatch.setenv("MESSAGEBUS_LIMIT", "none")

    assert 5.0 == parse([*RELAY, "--lease=5s"]).lease
    assert "status" == parse(STATUS).command


@pytest.mark.parametrize(
    ("variable", "text", "arguments"),
    [
        ("LEASE", "soon", RELAY),
        ("BATCH_SIZE", "0", RELAY),
        ("RETENTION", "30", RELAY),
        ("DRAIN", "maybe", RELAY),
        ("ON_POISON", "eat", RELAY),
        ("OLDER_THAN", "3", PURGE),
        ("LIMIT", "-5", LIST),
        ("SINCE", "yesterday", LIST),
        ("JSON", "2", LIST),
    ],
)
def test_a_wrong_variable_is_named(
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    text: str,
    arguments: tuple[str, ...],
) -> None:
    """It is the same mistake as on the command line."""
    monkeypatch.setenv(f"MESSAGEBUS_{variable}", text)

    assert f"environment variable MESSAGEBUS_{variable}: " in refused(*arguments)


def test_all_that_is_missing_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs with passwords need not be arguments, which other users of a machine can see."""
    values: dict[str, Any] = {"DATABASE": "sqlite:///shop.db", "TRANSPORT": "stdout:"}
    for name, value in values.items():
        monkeypatch.setenv(f"MESSAGEBUS_{name}", value)
    options = parse(["relay"])

    assert list(values.values()) == [options.database, options.transport]
