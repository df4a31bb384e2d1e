"""One trace over three processes: an API that takes an order, the relay, and the shipping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.shop.tables import outbox

from .shop import ROOT

pytestmark = pytest.mark.slow

PATIENCE = 120  # seconds
TRACE, CLIENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
Span = dict[str, Any]


def command(file: Path, service: str, *arguments: str) -> list[str]:
    """Return the command of a process that writes its spans into a file."""
    program = [sys.executable, "-W", "error", "-m", "tests.tracing"]
    return [*program, str(file), service, *arguments]


def run(file: Path, service: str, *arguments: str, **environment: str) -> None:
    """Run a process to its end."""
    environment = {**os.environ, **environment}
    line = command(file, service, *arguments)
    subprocess.run(line, cwd=ROOT, env=environment, check=True, timeout=PATIENCE)


@contextmanager
def api(file: Path, database: str) -> Iterator[httpx.Client]:
    """Serve the shop, and yield a client of it."""
    process = subprocess.Popen(
        command(file, "api", "api", database), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        log = ""
        while "Uvicorn running on" not in log:
            line = process.stderr.readline()
            assert line, log
            log += line
        url = log.rpartition("Uvicorn running on ")[2].split()[0]
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            yield client
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()


def spans_of(tmp_path: Path, stream: str, tracing: str) -> list[Span]:
    """Order over HTTP, send, and ship; return the spans of all three processes."""
    file = tmp_path / "spans.jsonl"
    shop, shipping = (f"sqlite:///{tmp_path / name}.db" for name in ("shop", "shipping"))
    with api(file, shop) as client:
        product = {"sku": "tea", "name": "Tea", "stock": 9}
        assert 204 == client.post("/products", json=product).status_code
        order = {"order_id": "1", "lines": [{"sku": "tea", "quantity": 2}]}
        context = {"traceparent": f"00-{TRACE:032x}-{CLIENT:016x}-01"}
        assert 204 == client.post("/orders", json=order, headers=context).status_code
    prefix = outbox.messages.name.removesuffix("messages")
    relay = ["--drain", f"--database={shop}", f"--transport={stream}", f"--prefix={prefix}"]
    run(file, "relay", "relay", *relay, "--batch-size=1", f"--tracing={tracing}")
    consume = ["examples.shipping.app:app", f"--stream={stream}", "--consumer=shipping", "--drain"]
    run(file, "shipping", "consume", *consume, f"--tracing={tracing}", SHIPPING_DATABASE=shipping)
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def stream(redis_url: str, unique_name: str) -> str:
    """Return the URL of a stream."""
    return f"{redis_url}?stream={unique_name}&create=true"


def the(spans: list[Span], name: str, **details: Any) -> Span:
    """Return the only span of a name with some details."""
    [span] = (each for each in spans if each["name"] == name and details.items() <= each.items())
    return span


def parent_of(spans: list[Span], span: Span) -> Span | None:
    """Return the span that led to another one, without what the framework tells of itself."""
    parents = [each for each in spans if each["span"] == span["parent"]]
    if parents and parents[0]["name"].startswith("fastapi."):
        return parent_of(spans, parents[0])
    return parents[0] if parents else None


def test_one_trace_shows_a_request_its_message_and_what_it_led_to(
    tmp_path: Path, stream: str, unique_name: str
) -> None:
    """It is the trace of the client, and each span has the one that led to it as its parent."""
    spans = spans_of(tmp_path, stream, "parent")
    told = [
        (
            each["service"],
            each["kind"],
            each["name"],
            parent["name"] if (parent := parent_of(spans, each)) else None,
        )
        for each in spans
        if each["trace"] == TRACE and not each["name"].startswith("fastapi.")
    ]
    send, process = f"send {unique_name}", f"process {unique_name}"
    assert sorted(told, key=str) == sorted(
        [
            ("api", "SERVER", "POST /orders", None),
            ("api", "INTERNAL", "handle take_order", "POST /orders"),
            ("api", "INTERNAL", "listen take_order", "handle take_order"),
            ("api", "INTERNAL", "listen reserve_stock", "handle take_order"),
            ("api", "PRODUCER", "create order_taken", "handle take_order"),
            ("relay", "CLIENT", send, "create order_taken"),
            ("shipping", "CONSUMER", process, "create order_taken"),
            ("shipping", "INTERNAL", "handle order_taken", process),
            ("shipping", "INTERNAL", "listen plan_shipment", "handle order_taken"),
        ],
        key=str,
    )
    assert CLIENT == the(spans, "POST /orders")["parent"]

    trace = [each for each in spans if each["trace"] == TRACE]
    attributes = {each["name"]: each["attributes"] for each in trace}
    command = attributes["handle take_order"]["messaging.message.id"]
    event = attributes["create order_taken"]["messaging.message.id"]
    about = {
        "messagebus.message.name": "order_taken",
        "messagebus.message.version": 1,
        "messaging.message.id": event,
        "messaging.message.conversation_id": command,
    }
    of_event = {
        "messaging.message.id": event,
        "messaging.message.conversation_id": command,
        "messagebus.message.causation_id": command,
    }
    at = {"messaging.system": "redis", "messaging.destination.name": unique_name}

    def operation(name: str) -> dict[str, str]:
        return {"messaging.operation.name": name, "messaging.operation.type": name}

    assert command == attributes["handle take_order"]["messaging.message.conversation_id"]
    assert attributes["create order_taken"] == {
        **about,
        **of_event,
        **operation("create"),
        "messaging.system": "messagebus",
    }
    assert attributes[send] == {
        **at,
        **of_event,
        **operation("send"),
        "messaging.batch.message_count": 1,
    }
    assert attributes[process] == {
        **at,
        **of_event,
        **operation("process"),
        "messaging.consumer.group.name": "shipping",
        "messaging.destination.partition.id": "0",
    }
    assert attributes["handle order_taken"] == about
    assert attributes["listen plan_shipment"] == {
        **about,
        "code.function.name": "examples.shipping.handlers.plan_shipment",
    }

    create = the(trace, "create order_taken")["span"]
    assert create in the(spans, f"receive {unique_name}")["links"]
    assert None is the(spans, f"settle {unique_name}")["parent"]


def test_by_default_processes_have_traces_that_are_linked(
    tmp_path: Path, stream: str, unique_name: str
) -> None:
    """So the conventions ask, since a batch has many origins."""
    spans = spans_of(tmp_path, stream, "link")
    create = the(spans, "create order_taken")
    for name in ("send", "process"):
        span = the(spans, f"{name} {unique_name}", links=[create["span"]])
        assert span["parent"] is None
        assert span["trace"] != create["trace"]
