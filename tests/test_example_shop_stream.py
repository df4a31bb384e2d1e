"""The shop of the examples and real brokers: what is published arrives, late if need be."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from .adapters.stored import documents, entries
from .servers import RedisServer
from .shop import (
    COMMAND,
    GREEN_TEA,
    ROOT,
    SAMPLE,
    contents,
    counts,
    database_in,
    encode,
    order,
    printed,
    section,
    start,
    undisturbed,
)

pytestmark = pytest.mark.slow


def test_redis_gets_what_would_be_printed(redis_url: str, unique_name: str) -> None:
    """All published messages, each once, in the order of their handling; none is printed."""
    stream = f"{redis_url}?stream={unique_name}&create=true"
    finished = start("-", "--stream", stream, input=SAMPLE)
    output = finished.stdout.decode()
    assert (0, b"", []) == (finished.returncode, finished.stderr, printed(output))
    received = entries(redis_url, unique_name)
    assert contents(printed(undisturbed())) == contents(received)
    assert Counter(each["type"] for each in received) == counts(output, "Published messages")


def test_nats_gets_what_would_be_printed(nats_url: str, unique_name: str) -> None:
    """All published messages, each once, in the order of their handling; none is printed."""
    url = f"{nats_url}?stream={unique_name}&subject={unique_name}.{{name}}&create=true"
    finished = start("-", "--stream", url, input=SAMPLE)
    output = finished.stdout.decode()
    assert (0, b"", []) == (finished.returncode, finished.stderr, printed(output))
    received = documents(nats_url, unique_name)
    assert contents(printed(undisturbed())) == contents(received)
    assert Counter(each["type"] for each in received) == counts(output, "Published messages")


def test_a_message_is_sent_while_the_next_line_is_waited_for(
    redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    """A stream hears of an order when it was taken, not when the shop closes."""
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
    assert {"product_registered_v1": 1, "order_taken_v1": 1} == counts(
        output.decode(), "Published messages"
    )


def test_a_stream_that_is_down_loses_nothing(own_redis: RedisServer, tmp_path: Path) -> None:
    """Orders are taken all the same; the command says what waits, and the next run sends it."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(encode(GREEN_TEA, order("O-1", TEA_1=1)))
    stream = f"{own_redis.url}?stream=shop&create=true&patience=0.1"
    arguments = (str(path), "--database", database_in(tmp_path), "--stream", stream)
    own_redis.stop()
    down = start(*arguments)
    assert 1 == down.returncode
    assert ["total", "2", "0"] == section(down.stdout.decode(), "Commands")[-1]
    assert [] == section(down.stdout.decode(), "Published messages")
    assert b"error: of the published messages, 2 wait to be sent and 0 were given up: Redis" in (
        down.stderr
    )
    own_redis.start()
    up = start(*arguments)
    assert (0, b"") == (up.returncode, up.stderr)
    assert 2 == len(entries(own_redis.url, "shop"))


def test_a_stream_that_is_missing_is_named_with_the_way_to_create_it(
    redis_url: str, unique_name: str
) -> None:
    """Without *create* nothing is sent to where perhaps nobody reads."""
    finished = start("-", "--stream", f"{redis_url}?stream={unique_name}", input=encode(GREEN_TEA))
    assert 1 == finished.returncode
    assert unique_name in finished.stderr.decode()
    assert f"XGROUP CREATE {unique_name}" in finished.stderr.decode()
