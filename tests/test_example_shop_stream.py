"""The shop of the examples with real brokers: published events arrive, late if necessary."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from examples.shop.cli import main
from examples.shop.report import Report
from messagebus.exceptions import MessageRejectedError

from .adapters.stored import documents, entries
from .servers import RedisServer
from .shop import (
    COMMAND,
    GREEN_TEA,
    ROOT,
    SAMPLE,
    Output,
    contents,
    database_in,
    encode,
    order,
    start,
    succeed,
    undisturbed,
)

pytestmark = pytest.mark.slow


def sent(messages: list[Any]) -> Counter[str]:
    """Count messages by name."""
    return Counter(each["type"].removesuffix("_v1") for each in messages)


def test_redis_gets_what_would_be_printed(redis_url: str, unique_name: str) -> None:
    """Redis gets each published event once and in order; none is printed."""
    stream = f"{redis_url}?stream={unique_name}&create=true"
    output = succeed("-", "--stream", stream, input=SAMPLE)
    received = entries(redis_url, unique_name)
    assert [] == output.published
    assert contents(undisturbed().published) == contents(received)
    assert sent(received) == output.messages("sent")


def test_nats_gets_what_would_be_printed(nats_url: str, unique_name: str) -> None:
    """JetStream gets each published event once and in order; none is printed."""
    url = f"{nats_url}?stream={unique_name}&subject={unique_name}.{{name}}&create=true"
    output = succeed("-", "--stream", url, input=SAMPLE)
    received = documents(nats_url, unique_name)
    assert [] == output.published
    assert contents(undisturbed().published) == contents(received)
    assert sent(received) == output.messages("sent")


def test_an_event_is_sent_while_standard_input_is_idle(
    redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """The relay sends an event soon after the commit, not at the end of the run."""
    stream = f"{redis_url}?stream={unique_name}&create=true"
    with subprocess.Popen(
        (*COMMAND, "-", "--database", database_in(tmp_path), "--stream", stream),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(encode(GREEN_TEA, order("O-1", TEA_1=1)))
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while len(received := entries(redis_url, unique_name)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert None is process.poll()
        output, _ = process.communicate(timeout=60)
    assert ["product_registered_v1", "order_taken_v1"] == [each["type"] for each in received]
    assert {"product_registered": 1, "order_taken": 1} == Output(output).messages("sent")


def test_a_broker_that_is_down_loses_nothing(own_redis: RedisServer, tmp_path: Path) -> None:
    """Without the broker, lines are handled all the same, and the next run sends the events."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(encode(GREEN_TEA, order("O-1", TEA_1=1)))
    stream = f"{own_redis.url}?stream=shop&create=true&patience=0.1"
    arguments = (str(path), "--database", database_in(tmp_path), "--stream", stream)
    own_redis.stop()
    down = start(*arguments)
    assert 1 == down.returncode
    output = Output(down.stdout)
    assert (2, 0, 0) == output.counts
    assert {"product_registered": 1, "order_taken": 1} == output.messages("published")
    assert {} == output.messages("sent")
    assert down.stderr.startswith(b"error: unsent events stay in the outbox: Redis")
    own_redis.start()
    assert (2, 0, 2) == succeed(*arguments).counts
    assert 2 == len(entries(own_redis.url, "shop"))


def test_a_rejected_event_is_parked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that the transport rejects ends the run with code 1; the others are sent."""
    send = Report.send_message_serialized

    async def reject_products(report: Report, message: Mapping[str, Any]) -> None:
        if message["type"] == "product_registered_v1":
            raise MessageRejectedError(message, "no products")
        await send(report, message)

    monkeypatch.setattr(Report, "send_message_serialized", reject_products)
    path = tmp_path / "mine.jsonl"
    path.write_bytes(encode(GREEN_TEA, order("O-1", TEA_1=1)))
    assert 1 == main([str(path), "--database", database_in(tmp_path)])
    output, errors = capsys.readouterr()
    assert "error: events that could not be sent: 1\n" == errors
    assert {"order_taken": 1} == Output(output).messages("sent")


def test_a_missing_stream_is_an_error_that_says_how_to_create_it(
    redis_url: str, unique_name: str
) -> None:
    """Without *create*, events are not sent to a stream that nobody may read."""
    finished = start("-", "--stream", f"{redis_url}?stream={unique_name}", input=encode(GREEN_TEA))
    assert 1 == finished.returncode
    assert unique_name in finished.stderr.decode()
    assert f"XGROUP CREATE {unique_name}" in finished.stderr.decode()
