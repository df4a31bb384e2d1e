"""What can be watched: the events of the log, and the metrics, are those that the page names."""

from __future__ import annotations

import ast
import json
import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from messagebus import SyncMessageBus
from messagebus.adapters.memory import AsyncMemoryTransport, SyncMemorySource, SyncMemoryTransport
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, prepare_sqlite
from messagebus.cli import durations
from messagebus.cli.exposition import Report
from messagebus.inbox import SyncInboxConsumer
from messagebus.otel import conventions
from messagebus.otel.metrics import Instruments
from tests._sync.fakes import SyncLibrary
from tests.cli.test_exposition import CONSUMER, RELAY, families_of
from tests.telemetry import Telemetry

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "watching.md").read_text("utf-8")
DASHBOARD = ROOT / "docs" / "grafana.json"
LEVELS = {"debug", "info", "warning", "error", "critical", "log"}
EVENT = re.compile(r"(relay|consumer|listener|execute|metrics)\.[a-z_]+")


def sources() -> Iterator[ast.Module]:
    """Yield the modules of the package, without the generated ones and without the facade."""
    for path in sorted((ROOT / "src" / "messagebus").rglob("*.py")):
        if not {"_sync", "facade"} & {*path.parts}:
            yield ast.parse(path.read_text("utf-8"))


def calls_of_loggers() -> Iterator[ast.Call]:
    """Yield each call that logs."""
    for module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr in LEVELS and owner in {"log", "get_logger()", "logger"}:
                    yield node


def events() -> set[str]:
    """Return the events in the source."""
    found: set[str] = set()
    for module in sources():
        for node in ast.walk(module):
            values: list[ast.expr | None] = []
            if isinstance(node, ast.Dict):
                named = zip(node.keys, node.values, strict=True)
                values += [
                    value
                    for key, value in named
                    if isinstance(key, ast.Constant) and key.value == "event"
                ]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "warn" and node.args:
                values.append(node.args[0])
            for value in values:
                for each in ast.walk(value) if value is not None else ():
                    if isinstance(each, ast.Constant) and EVENT.fullmatch(str(each.value)):
                        found.add(str(each.value))
    return found


def test_each_record_of_the_log_has_an_event() -> None:
    """Programs that read the log look for it."""
    calls = [*calls_of_loggers()]
    assert len(calls) > 30
    assert [] == [
        ast.unparse(each)
        for each in calls
        if "extra" not in {keyword.arg for keyword in each.keywords}
    ]


def test_the_page_names_each_event_of_the_log() -> None:
    """Neither fewer nor more."""
    table = PAGE.partition("## The log")[2]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert events() == {name for cell in first_cells for name in re.findall(r"`([\w.]+)`", cell)}


async def test_the_page_and_the_dashboard_name_metrics_that_there_are() -> None:
    """A panel without data would not tell that it asks for nothing."""
    options = Namespace(metrics_port=0)
    engine = prepare_sqlite(create_async_engine("sqlite+aiosqlite://"))
    relay = AsyncOutboxRelay(engine, AsyncMemoryTransport())
    source = SyncMemorySource(SyncMemoryTransport(), "a")
    consumer = SyncInboxConsumer("a", source, SyncMessageBus(), SyncLibrary)
    families = [
        *families_of(Report.of_relay(RELAY, durations.of_relay(relay, options))),
        *families_of(Report.of_consumer("a", CONSUMER, durations.of_consumer(consumer, options))),
    ]
    listed = {
        tuple(re.findall(r"\w+", line)[:2])
        for line in PAGE.partition("## Prometheus")[2].partition("###")[0].splitlines()
        if line.startswith("| `")
    }
    ends = {"counter": "_total"}
    assert listed == {(each.name + ends.get(each.type, ""), each.type) for each in families}
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = set(re.findall(r"messagebus_\w+", json.dumps(dashboard)))
    samples = [{sample.name for sample in family.samples} for family in families]
    assert asked <= set[str]().union(*samples)
    assert all(asked & each for each in samples)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (x, y)
        for each in places
        for x in range(each["x"], each["x"] + each["w"])
        for y in range(each["y"], each["y"] + each["h"])
    ]
    assert len(set(cells)) == len(cells)


def test_the_page_names_what_opentelemetry_is_given() -> None:
    """All names are in one module."""
    names = {
        value
        for name, value in vars(conventions).items()
        if name.isupper() and isinstance(value, str) and "." in value
    }
    assert [] == sorted(each for each in names if f"`{each}`" not in PAGE)


def test_the_instruments_are_created_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Names, units and kinds are valid, and each is created once."""
    telemetry = Telemetry()
    Instruments(telemetry.meters.get_meter("messagebus"))
    assert {} == telemetry.metric("messagebus.outbox.messages")
    assert [] == caplog.records
