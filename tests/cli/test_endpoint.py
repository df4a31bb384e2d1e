"""The HTTP endpoint of a relay and of a consumer."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import socket
import subprocess
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine

from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables
from messagebus.cli import ExitCode
from messagebus.cli.endpoint import serving
from messagebus.cli.exposition import Report
from tests._sync.adapters.sqlalchemy.shelves import publish
from tests.cli.conftest import Start
from tests.running.blocking import PATIENCE, eventually

log = logging.getLogger("tests.endpoint")


def get(port: int, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str]:
    """Return the status and the body of an answer."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def options(port: int | None, host: str = "127.0.0.1") -> Namespace:
    """Return the options of a command."""
    return Namespace(metrics_port=port, metrics_host=host)


def test_it_answers_what_the_process_says(caplog: pytest.LogCaptureFixture) -> None:
    """The process lives as long as it answers; whether it is ready is another question."""
    report = Report(None)
    with (
        caplog.at_level(logging.INFO, log.name),
        serving(options(0), log, lambda: report),
    ):
        [record] = caplog.records
        assert "metrics.serving" == record.__dict__["event"]
        port = record.__dict__["port"]
        assert (200, "alive\n") == get(port, "/healthz")
        assert (200, "ready\n") == get(port, "/readyz?verbose")
        report = Report("no relay leads")
        assert (200, "alive\n") == get(port, "/healthz")
        assert (503, "no relay leads\n") == get(port, "/readyz")
        assert (503, "") == get(port, "/readyz", "HEAD")
        assert (200, report.exposition()) == get(port, "/metrics")
        assert 404 == get(port, "/")[0]
        assert 501 == get(port, "/metrics", "POST")[0]
    with pytest.raises(OSError, match="refused"):
        get(port, "/healthz")


def test_a_client_that_says_nothing_keeps_neither_others_nor_the_end_waiting() -> None:
    """Each connection has a thread, and no thread keeps the process."""
    port = free_port()
    with (
        serving(options(port), log, lambda: Report(None)),
        socket.create_connection(("127.0.0.1", port)) as silent,
    ):
        silent.sendall(b"GET /metr")
        assert 200 == get(port, "/healthz")[0]
    assert all(each.daemon for each in threading.enumerate() if "process_request" in each.name)


def test_it_may_listen_on_an_address_of_version_6() -> None:
    """Some networks have no other."""
    port = free_port()
    try:
        with serving(options(port, "::1"), log, lambda: Report(None)):
            assert 200 == get(port, "/healthz", host="::1")[0]
    except ValueError:
        pytest.skip("this machine has no such address")


def test_without_a_port_nothing_is_served() -> None:
    """Neither is the program that serves it loaded any further."""
    before = threading.active_count()
    with serving(options(None), log, lambda: Report(None)):
        assert before == threading.active_count()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a database with a message that waits."""
    url = f"sqlite:///{tmp_path / 'messages.db'}"
    engine = prepare_sqlite(create_engine(url))
    sync_create_tables(engine)
    publish(engine, "1")
    engine.dispose()
    return url


def event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """Return the next line of the log with an event of a name."""
    assert process.stderr is not None
    for line in process.stderr:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == name:
            return found
    raise AssertionError(name)


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    eventually(condition)


@pytest.mark.slow
def test_a_relay_serves_its_status_until_it_ends(url: str, start: Start) -> None:
    """The port is free again when the process has ended."""
    process = start(
        "relay",
        f"--database={url}",
        "--transport=stdout:",
        "--metrics-port=0",
        "--log-format=json",
    )
    serving = event(process, "metrics.serving")
    port = serving["port"]
    assert "127.0.0.1" == serving["host"]
    until(lambda: get(port, "/readyz") == (200, "ready\n"))
    assert (200, "alive\n") == get(port, "/healthz")

    def value(name: str) -> float | None:
        for family in text_string_to_metric_families(get(port, "/metrics")[1]):
            for sample in family.samples:
                if sample.name == f"messagebus_relay_{name}":
                    return sample.value
        return None

    until(lambda: value("sent_total") == 1.0)
    assert 1.0 == value("send_duration_seconds_count")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert ExitCode.OK == process.returncode
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.slow
def test_a_port_that_is_taken_ends_the_command(url: str, start: Start) -> None:
    """It says which one, and nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(
            "relay", f"--database={url}", "--transport=stdout:", f"--metrics-port={port}"
        )
        output, errors = process.communicate(timeout=PATIENCE)
    assert ("", ExitCode.USAGE) == (output, process.returncode)
    assert f"Metrics cannot be served on 127.0.0.1, port {port}: Address already in use" in errors
    assert "--metrics-port" in errors


APP = """
import sqlalchemy as sa
from messagebus import {colour}MessageBus, Event, Metadata

class Sold(Event):
    metadata: Metadata = Metadata(name="sold", schema_version=1)

{function} hear(event: Sold, uow):
    pass

class app:
    bus = {colour}MessageBus()
    unit_of_work = object

app.bus.add_listener(Sold, hear)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("colour", "function"), [("Async", "async def"), ("Sync", "def")])
def test_a_consumer_serves_its_status(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: str, function: str
) -> None:
    """Without its broker it lives, and is not ready."""
    (tmp_path / "app.py").write_text(APP.format(colour=colour, function=function))
    monkeypatch.chdir(tmp_path)
    process = start(
        "consume",
        "app:app",
        f"--stream=redis://127.0.0.1:{free_port()}/0?stream=shop",
        "--consumer=billing",
        "--metrics-port=0",
        "--log-format=json",
    )
    port = event(process, "metrics.serving")["port"]
    event(process, "consumer.outage")
    assert (200, "alive\n") == get(port, "/healthz")
    assert (503, "the broker is not available\n") == get(port, "/readyz")
    families = [*text_string_to_metric_families(get(port, "/metrics")[1])]
    labels = [sample.labels for family in families for sample in family.samples]
    assert all(each.pop("consumer") == "billing" for each in labels)
    assert {"held", "lag_seconds", "process_duration_seconds"} < {
        each.name.removeprefix("messagebus_consumer_") for each in families
    }
