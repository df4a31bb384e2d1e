"""The contracts of the examples: what one service publishes, the other one consumes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from messagebus.cli import ExitCode, main
from messagebus.contracts import Document, reads

from .test_asyncapi import OFFICIAL

URL = "redis:?stream=shop"
SERVICES = {
    "shop": ["examples.shop.bootstrap:new_bus", f"--transport={URL}"],
    "shipping": ["examples.shipping.app:app", f"--stream={URL}"],
}


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Write the contracts of both services; return their folders."""
    monkeypatch.setenv("SHIPPING_DATABASE", f"sqlite:///{tmp_path / 'shipping.db'}")
    folders = {name: tmp_path / name for name in SERVICES}
    for name, arguments in SERVICES.items():
        assert ExitCode.OK == main(["contracts", *arguments, f"--output={folders[name]}"])
    sys.modules["examples.shipping.app"].app.engine.dispose()
    return folders


def content(folder: Path) -> Any:
    """Return the document in a folder."""
    return json.loads((folder / "asyncapi.json").read_text("utf-8"))


def test_the_contracts_of_the_examples_are_valid_and_compatible_with_themselves(
    contracts: dict[str, Path],
) -> None:
    """By the official schema, and in every mode."""
    for folder in contracts.values():
        OFFICIAL.validate(content(folder))
        assert ExitCode.OK == main(["contracts", "check", str(folder), str(folder)])


def test_the_shipping_service_reads_what_the_shop_publishes(contracts: dict[str, Path]) -> None:
    """Each has classes of its own; their contracts fit together."""
    shop, shipping = (Document(content(contracts[name]), name) for name in SERVICES)
    consumed = [name for action, name in shipping.messages if action == "receive"]

    assert ["order_cancelled_v1", "order_taken_v1"] == consumed
    for name in consumed:
        reader, writer = shipping.messages["receive", name], shop.messages["send", name]
        assert reader.address == writer.address == "shop"
        for part in ("", "headers"):
            found = reads(
                reader.parts[part],
                writer.parts[part],
                reader_root=shipping.root,
                writer_root=shop.root,
            )
            assert [] == found
