from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.rabbitmq.encoding import decode
from tests.adapters.stored import bind_queue, documents, entries, queued

READERS: dict[str, Callable[[str, str], Sequence[Mapping[str, Any]]]] = {
    "nats": documents,
    "rabbitmq": lambda url, queue: [decode(each) for each in queued(url, queue)],
    "redis": entries,
}


def _in_kafka(url: str, topic: str) -> list[dict[str, Any]]:
    from messagebus.adapters.kafka.encoding import decode
    from tests.adapters.kafka import records

    return [decode(value, headers) for _, value, headers in records(url, topic)]


READERS["kafka"] = _in_kafka

WITH_KAFKA = sys.version_info < (3, 15)  # for which its client has no wheel

# Parent and child send in turn; the child ends as `os.fork` is used, or as a worker does.
PROGRAM = """
import os, signal, sys, threading, warnings
from messagebus.adapters.factory import sync_transport_from_url

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
signal.alarm(90)
url, ending, used = sys.argv[1:]
transport = sync_transport_from_url(url)
if used == "used":
    transport.send_message_serialized({"id": "1", "type": "a_v1"})
child = os.fork()
if child == 0:
    signal.alarm(60)
    if url.startswith(("nats:", "amqp:")):
        held = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        # One end of the pair that wakes the loop may be left, but no connection.
        assert sum("socket:" in each for each in held) <= 1, held
    if ending != "idle":
        transport.send_message_serialized({"id": "2", "type": "a_v1"})
        messages = [{"id": id, "type": "a_v1"} for id in ("3", "4")]
        send = transport.send_message_serialized
        others = [threading.Thread(target=send, args=[message]) for message in messages]
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
        transport.close()
    if ending == "quick":
        os._exit(0)
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
transport.send_message_serialized({"id": "5", "type": "a_v1"})
transport.close()
"""


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize(
    ("broker", "used", "ending"),
    [
        ("nats", "used", "quick"),
        ("nats", "used", "normal"),
        ("nats", "used", "idle"),
        ("nats", "unused", "normal"),
        ("rabbitmq", "used", "quick"),
        ("rabbitmq", "used", "normal"),
        ("redis", "used", "normal"),
        *(("kafka", "used", end) for end in ("quick", "normal", "idle") if WITH_KAFKA),
    ],
)
def test_a_forked_process_sends_by_a_connection_of_its_own(
    broker: str,
    used: str,
    ending: str,
    unique_name: str,
    request: pytest.FixtureRequest,
) -> None:
    """That of the parent goes on undisturbed, however the child ends."""
    url: str = request.getfixturevalue(f"{broker}_url")
    options = {
        "kafka": f"topic={unique_name}&patience=0&timeout=15",
        "nats": f"stream={unique_name}&subject={unique_name}&patience=0&timeout=15",
        "rabbitmq": f"exchange={unique_name}&patience=0&timeout=15",
        "redis": f"stream={unique_name}&patience=0&timeout=15",
    }
    if broker == "rabbitmq":
        bind_queue(url, unique_name)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"{url}?{options[broker]}&create=yes", ending, used],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    read = READERS[broker](url, unique_name)
    expected = [*(["1"] if used == "used" else []), *([] if ending == "idle" else "234"), "5"]
    assert expected == sorted(message["id"] for message in read)


# The child reads while the parent holds a message; it ends as `os.fork` is used, or as a worker.
READING = """
import json, os, signal, sys, warnings
from messagebus.adapters.factory import sync_source_from_url, sync_transport_from_url

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
signal.alarm(90)
to, url, ending, used = sys.argv[1:]
message = {"type": "a_v1", "payload": "{}"}
with sync_transport_from_url(to) as transport:
    transport.send_messages_serialized([message | {"id": id} for id in "123"])
source = sync_source_from_url(url, "reader")

def take(source):
    while not (found := source.receive(1, 1.0)):
        pass
    return found

def say(*found):
    print(json.dumps([os.getpid() == child, *(each.wire["id"] for each in found)]), flush=True)

held = take(source) if used == "used" else []
child = os.getpid() if (forked := os.fork()) == 0 else 0
if forked == 0:
    signal.alarm(60)
    if ending != "idle":
        found = take(source)
        say(*found)
        source.settle(found)
        source.close()
    if ending == "quick":
        os._exit(0)
    sys.exit()
assert os.waitpid(forked, 0)[1] == 0
rest = take(source)
assert [*held, *rest] == source.held([*held, *rest])
other = sync_source_from_url(url, "reader")
say(*held, *rest, *other.receive(10, 0.2))
source.settle([*held, *rest])
source.close()
other.close()
"""
SOURCES = {
    "nats": "stream={0}&subject={0}&timeout=15&ordered=no",
    "redis": "stream={0}&timeout=15&ordered=no",
}


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("broker", SOURCES)
@pytest.mark.parametrize(
    ("used", "ending"),
    [("used", "quick"), ("used", "normal"), ("used", "idle"), ("unused", "normal")],
)
def test_a_forked_process_reads_by_a_connection_of_its_own(
    broker: str, used: str, ending: str, unique_name: str, request: pytest.FixtureRequest
) -> None:
    """The parent keeps what it holds, and goes on undisturbed, however the child ends."""
    url: str = request.getfixturevalue(f"{broker}_url")
    source = f"{url}?{SOURCES[broker].format(unique_name)}"
    transport = f"{source.removesuffix('&ordered=no')}&create=yes"
    done = subprocess.run(
        [sys.executable, "-c", READING, transport, source, ending, used],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    # Each says first whether it is the child. What the child has left alone comes to another one.
    expected = {
        ("used", "idle"): [[False, "1", "2", "3"]],
        ("unused", "normal"): [[True, "1"], [False, "2", "3"]],
    }
    assert expected.get((used, ending), [[True, "2"], [False, "1", "3"]]) == read
