from __future__ import annotations

import sys
from pathlib import Path

import pytest

from messagebus.adapters.factory import sync_source_from_url
from messagebus.inbox.capability import SourceCapability

PAGE = Path(__file__).parents[2] / "docs" / "durability" / "sources.md"
COLUMNS = {
    "order across processes": SourceCapability.ORDER,
    "settles each message by itself": SourceCapability.SEPARATE,
    "delays a released message": SourceCapability.DELAY,
    "reads what was sent before its first start": SourceCapability.HISTORY,
}
SOURCES = {
    "Redis, `ordered=true`": "redis://localhost?stream=a",
    "Redis, `ordered=false`": "redis://localhost?stream=a&ordered=no",
    "NATS, `ordered=true`": "nats://localhost?stream=A&subject=a",
    "NATS, `ordered=false`": "nats://localhost?stream=A&subject=a&ordered=no",
    "RabbitMQ, `ordered=true`": "amqp://localhost?exchange=a",
    "RabbitMQ, `ordered=false`": "amqp://localhost?exchange=a&ordered=no",
    "Kafka": "kafka://localhost?topic=a",
    "memory": "memory:",
}
NO_KAFKA = pytest.mark.skipif(
    sys.version_info >= (3, 15), reason="Kafka: its client has no wheel for this Python"
)


def table() -> dict[str, dict[str, str]]:
    """Return the rows of the table of differences by the names of their sources."""
    text = PAGE.read_text("utf-8").partition("## How they differ\n\n")[2].partition("\n\n")[0]
    head, _, *rows = ([cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines())
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_table_of_sources_is_complete() -> None:
    """Each source has a row."""
    assert SOURCES.keys() == table().keys()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        pytest.param(name, url, marks=NO_KAFKA if name == "Kafka" else ())
        for name, url in SOURCES.items()
    ],
)
def test_the_table_of_sources_says_what_they_declare(name: str, url: str) -> None:
    """A cell is yes where the source has the capability, and no where it has not."""
    capabilities = sync_source_from_url(url, "reader").capabilities
    row = table()[name]

    expected = {column: "yes" if each in capabilities else "no" for column, each in COLUMNS.items()}
    assert expected == {column: row[column] for column in COLUMNS}
