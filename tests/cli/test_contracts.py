"""The contract of an application on the command line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from messagebus.cli import ExitCode, main

SHOP = "examples.shop.bootstrap:new_bus"

UPCASTING = """\
from types import SimpleNamespace

from messagebus import Event, MessageDeserializer, Metadata, SyncMessageBus, Upcasters


class Sold(Event):
    metadata: Metadata = Metadata(name="sold", schema_version=VERSION)


def hear(event: Sold, uow) -> None: ...


upcasters = Upcasters()
for version in range(1, VERSION):
    upcasters.upcast("sold", from_version=version)(dict)
bus = SyncMessageBus()
bus.add_listener(Sold, hear)
app = SimpleNamespace(bus=bus, deserializer=MessageDeserializer([Sold], upcasters))
"""


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a folder with the contract of the shop."""
    folder = tmp_path / "shop"
    assert ExitCode.OK == main(["contracts", SHOP, "--output", str(folder)])
    capsys.readouterr()
    return folder


@pytest.fixture
def changed(shop: Path, tmp_path: Path) -> Path:
    """Return a contract that breaks old writers of a command."""
    document = json.loads((shop / "asyncapi.json").read_text("utf-8"))
    message = document["channels"]["consumed"]["messages"]["restock_v1"]
    message["payload"]["schema"]["properties"]["quantity"]["maximum"] = 100
    path = tmp_path / "new.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("command", [[], ["write"]])
def test_a_contract_is_written_into_a_folder(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A document, and two schemas for each message; both spellings do the same."""
    monkeypatch.chdir(tmp_path)

    assert ExitCode.OK == main(["contracts", *command, SHOP])

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [["contract", "message"], ["published", "order_cancelled_v1"]] == lines[:2]
    assert ["consumed", "take_order_v1"] == lines[-1]
    document = json.loads((tmp_path / "contracts" / "asyncapi.json").read_text("utf-8"))
    assert (SHOP, "3.0.0") == (document["info"]["title"], document["asyncapi"])
    schemas = {path.name for path in (tmp_path / "contracts" / "schemas").iterdir()}
    assert 16 == len(schemas)
    assert {"order_taken_v1.serialization.json", "order_taken_v1.validation.json"} <= schemas


def test_a_schema_stands_alone(shop: Path) -> None:
    """With its dialect and its definitions."""
    text = (shop / "schemas" / "order_taken_v1.serialization.json").read_text("utf-8")
    schema = json.loads(text)

    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert ["OrderLine"] == [*schema["$defs"]]
    assert {"order_id", "lines"} == schema["properties"].keys()


def test_the_same_application_gives_the_same_files(shop: Path, tmp_path: Path) -> None:
    """They can be kept under version control."""
    again = tmp_path / "again"
    main(["contracts", SHOP, f"--output={again}"])

    for path in shop.rglob("*.json"):
        assert path.read_bytes() == (again / path.relative_to(shop)).read_bytes()


def test_the_schemas_of_messages_that_are_gone_are_deleted(shop: Path) -> None:
    """Those of others are not."""
    (shop / "schemas" / "other_v1.validation.json").write_text("{}")

    main(["contracts", SHOP, f"--output={shop}", "--publishes=order_taken", "--consumes=restock"])

    assert {
        "order_taken_v1.serialization.json",
        "order_taken_v1.validation.json",
        "other_v1.validation.json",
        "restock_v1.serialization.json",
        "restock_v1.validation.json",
    } == {path.name for path in (shop / "schemas").iterdir()}


@pytest.mark.parametrize("variable", [False, True], ids=["option", "variable"])
def test_an_application_may_publish_or_consume_nothing(
    variable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """As one whose commands come by HTTP."""
    given = ["--consumes=none", f"--output={tmp_path}", "--json"]
    if variable:
        monkeypatch.setenv("MESSAGEBUS_CONSUMES", "none")
        del given[0]

    assert ExitCode.OK == main(["contracts", SHOP, *given])
    answer = json.loads(capsys.readouterr().out)
    assert (4, []) == (len(answer["published"]), answer["consumed"])

    assert ExitCode.OK == main(["contracts", SHOP, "--publishes=none", *given])
    assert [] == json.loads(capsys.readouterr().out)["published"]
    document = json.loads((tmp_path / "asyncapi.json").read_text("utf-8"))
    assert {} == document["operations"]


def test_the_written_contract_can_be_told_by_json(tmp_path: Path, capsys: Any) -> None:
    """Its messages, and its files."""
    assert ExitCode.OK == main(["contracts", SHOP, f"--output={tmp_path}", "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert 4 == len(answer["published"]) == len(answer["consumed"])
    assert str(tmp_path / "asyncapi.json") == answer["files"][0]


def test_urls_say_where_messages_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """As for the relay and the consumer, also from the environment; without passwords."""
    monkeypatch.setenv("MESSAGEBUS_TRANSPORT", "redis://user:secret@host/0?stream=shop")
    stream = "--stream=kafka://host?topic=orders"

    assert ExitCode.OK == main(["contracts", SHOP, stream, f"--output={tmp_path}"])

    text = (tmp_path / "asyncapi.json").read_text("utf-8")
    channels = json.loads(text)["channels"]
    assert ("shop", "orders") == (channels["published"]["address"], channels["consumed"]["address"])
    assert "secret" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_module:app"], "There is no module 'no_such_module'"),
        ([SHOP, "--transport=http://host"], "No transport has the scheme 'http'"),
        ([SHOP, "--publishes=nothing"], "The bus has no message 'nothing'"),
    ],
)
def test_what_cannot_be_written_is_told_on_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: Any
) -> None:
    """And no file is written."""
    folder = tmp_path / "contracts"

    assert ExitCode.USAGE == main(["contracts", *arguments, f"--output={folder}"])

    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: Any) -> None:
    """With the reason of the system."""
    (tmp_path / "file").write_text("")

    assert ExitCode.USAGE == main(["contracts", SHOP, f"--output={tmp_path / 'file'}"])
    assert "cannot be written" in capsys.readouterr().err


def test_no_change_is_compatible(shop: Path, capsys: Any) -> None:
    """A folder and its document are the same to it."""
    for other in (shop, shop / "asyncapi.json"):
        assert ExitCode.OK == main(["contracts", "check", str(shop), str(other)])
        assert "compatible (full): 0 error(s), 0 warning(s)\n" == capsys.readouterr().out


def test_a_breaking_change_has_a_status_of_its_own(shop: Path, changed: Path, capsys: Any) -> None:
    """The table tells message, field, change, whom it breaks, and how badly."""
    assert ExitCode.INCOMPATIBLE == main(["contracts", "check", str(shop), str(changed)])

    lines = capsys.readouterr().out.splitlines()
    assert [
        "message     field     change                                     breaks       severity",
        "restock_v1  quantity  maximum 100 read, maximum 1000000 written  old writers  error",
    ] == lines[:-1]
    assert "not compatible (full): 1 error(s), 0 warning(s)" == lines[-1]


def test_the_mode_decides_what_is_broken(
    shop: Path, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the command line, or in the environment."""
    check = ["contracts", "check", str(shop), str(changed)]

    assert ExitCode.INCOMPATIBLE == main([*check, "--mode=backward"])
    assert ExitCode.OK == main([*check, "--mode=forward"])
    monkeypatch.setenv("MESSAGEBUS_MODE", "forward")
    assert ExitCode.OK == main(check)


def test_changes_can_be_read_by_a_program(shop: Path, changed: Path, capsys: Any) -> None:
    """As JSON, on one line."""
    arguments = ["contracts", "check", str(shop), str(changed), "--json"]

    assert ExitCode.INCOMPATIBLE == main(arguments)

    answer = json.loads(capsys.readouterr().out)
    change = {
        "message": "restock_v1",
        "action": "receive",
        "field": "quantity",
        "what": "maximum 100 read, maximum 1000000 written",
        "breaks": "old writers",
        "severity": "error",
    }
    assert {"mode": "full", "compatible": False, "changes": [change]} == answer


def test_a_change_is_on_one_line_where_there_is_no_terminal(
    shop: Path, changed: Path, tmp_path: Path, capsys: Any
) -> None:
    """However long it is, grep finds it."""
    document = json.loads(changed.read_text("utf-8"))
    messages = document["channels"]["consumed"]["messages"]
    payload = messages["register_product_v1"]["payload"]["schema"]
    payload["properties"]["a_new_field_with_quite_a_long_name"] = {"type": "string"}
    payload["required"].append("a_new_field_with_quite_a_long_name")
    changed.write_text(json.dumps(document))

    main(["contracts", "check", str(shop), str(changed)])

    _, *lines, _ = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) > 80
    assert {"register_product_v1", "restock_v1"} == {line.split()[0] for line in lines}
    assert {"error"} == {line.split()[-1] for line in lines}
    assert any(" a_new_field_with_quite_a_long_name " in line for line in lines)


def test_contracts_for_different_transports_are_told_first(
    shop: Path, tmp_path: Path, capsys: Any
) -> None:
    """Then come the addresses and headers that differ with them."""
    folders = {"redis": tmp_path / "redis", "stdout": tmp_path / "stdout"}
    for url, folder in zip(("redis:?stream=shop", "stdout:"), folders.values(), strict=True):
        stream = "--stream=redis:?stream=shop"
        main(["contracts", SHOP, f"--transport={url}", stream, f"--output={folder}"])
    capsys.readouterr()

    for old, new, *said in (
        (folders["redis"], folders["stdout"], "published messages differs: redis, stdout"),
        (
            folders["redis"],
            shop,
            "published messages differs: redis, unknown",
            "consumed messages differs: redis, unknown",
        ),
    ):
        assert ExitCode.INCOMPATIBLE == main(["contracts", "check", str(old), str(new)])
        lines = capsys.readouterr().out.splitlines()
        assert [f"the transport of {each}" for each in said] == lines[: len(said)]
        assert lines[len(said)].startswith("message ")


def test_a_contract_is_read_from_standard_input(
    shop: Path, changed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """As `git show` prints it; but not both."""
    monkeypatch.setattr(sys, "stdin", io.StringIO((shop / "asyncapi.json").read_text("utf-8")))

    assert ExitCode.INCOMPATIBLE == main(["contracts", "check", "-", str(changed)])
    capsys.readouterr()
    assert ExitCode.USAGE == main(["contracts", "check", "-", "-"])
    assert "Only one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), ("{", "is no JSON"), ("{}", "is no AsyncAPI document")],
)
def test_what_is_no_contract_is_told(
    content: str | None, said: str, shop: Path, tmp_path: Path, capsys: Any
) -> None:
    """With the name of the file."""
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)

    assert ExitCode.USAGE == main(["contracts", "check", str(shop), str(path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "broken.json" in line


def test_the_help_names_both_commands(capsys: Any) -> None:
    """And each has its own."""
    for arguments in (["contracts", "--help"], ["contracts", "check", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ExitCode.OK == ended.value.code
    assert "--mode" in capsys.readouterr().out


def test_the_upcasters_of_the_application_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """They are those of its deserializer; what they read is no longer an error."""
    for version in (1, 2):
        name = f"upcasting_application_{version}"
        (tmp_path / f"{name}.py").write_text(UPCASTING.replace("VERSION", str(version)))
        monkeypatch.syspath_prepend(tmp_path)
        folder = f"--output={tmp_path / str(version)}"
        assert ExitCode.OK == main(["contracts", f"{name}:app", folder])
        sys.modules.pop(name)
    capsys.readouterr()

    code = main(["contracts", "check", str(tmp_path / "1"), str(tmp_path / "2"), "--json"])

    assert ExitCode.OK == code
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert ("sold_v1", "warning") == (change["message"], change["severity"])
