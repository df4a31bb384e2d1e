"""One trace over three processes: a request to the shop, the relay, and the other service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from examples.shop.tables import outbox

from .shop import ROOT

pytestmark = pytest.mark.slow

PATIENCE = 120  # seconds
Span = dict[str, Any]


def run(file: Path, service: str, *arguments: str, **environment: str) -> None:
    """Run a process that writes its spans into a file."""
    command = [sys.executable, "-W", "error", "-m", "tests.tracing", str(file), service]
    subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        timeout=PATIENCE,
    )


def spans_of(tmp_path: Path, stream: str, tracing: str) -> list[Span]:
    """Sell and ship an order; return the spans of all three processes."""
    file = tmp_path / "spans.jsonl"
    shop, shipping = (f"sqlite:///{tmp_path / name}.db" for name in ("shop", "shipping"))
    run(file, "shop", "shop", shop, tracing)
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


def test_one_trace_shows_a_request_its_message_and_what_it_led_to(
    tmp_path: Path, stream: str, unique_name: str
) -> None:
    """Each span has the one that led to it as its parent."""
    spans = spans_of(tmp_path, stream, "parent")
    request = the(spans, "POST /orders")
    handle = the(spans, "handle take_order")
    create = the(spans, "create order_taken")
    send = the(spans, f"send {unique_name}", parent=create["span"])
    process = the(spans, f"process {unique_name}", parent=create["span"])
    applied = the(spans, "handle order_taken")
    planned = the(spans, "listen plan_shipment")

    assert [
        ("shop", "SERVER", None),
        ("shop", "INTERNAL", request["span"]),
        ("shop", "PRODUCER", handle["span"]),
        ("relay", "CLIENT", create["span"]),
        ("shipping", "CONSUMER", create["span"]),
        ("shipping", "INTERNAL", process["span"]),
        ("shipping", "INTERNAL", applied["span"]),
    ] == [
        (each["service"], each["kind"], each["parent"])
        for each in (request, handle, create, send, process, applied, planned)
    ]
    listeners = [each for each in spans if each["parent"] == handle["span"]]
    assert {"listen take_order", "create order_taken"} <= {each["name"] for each in listeners}

    message = create["attributes"]["messaging.message.id"]
    cascade = handle["attributes"]["messaging.message.id"]
    for span in (create, send, process, applied, planned):
        assert message == span["attributes"]["messaging.message.id"]
        assert cascade == span["attributes"]["messaging.message.conversation_id"]

    beside = {f"receive {unique_name}", f"settle {unique_name}"}
    in_trace = [each for each in spans if each["trace"] == request["trace"]]
    assert beside == {each["name"] for each in spans if each not in in_trace}
    assert create["span"] in the(spans, f"receive {unique_name}")["links"]


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
