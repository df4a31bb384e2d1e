from __future__ import annotations

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

START = """
import asyncio, os, signal, sys, warnings
from messagebus.adapters.factory import async_transport_from_url

signal.alarm(60)
warnings.simplefilter("ignore")  # of loops that end with open connections, and of forks
transport = async_transport_from_url(sys.argv[1])
"""
ONE_AFTER_THE_OTHER = """
for id in ("1", "2", "3"):
    asyncio.run(transport.send_message_serialized({"id": id}))
asyncio.run(transport.close())
"""
FORKED = """
async def main():
    await transport.send_message_serialized({"id": "1"})
    child = os.fork()
    if child == 0:
        signal.alarm(45)
        asyncio.run(transport.send_message_serialized({"id": "2"}))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    await transport.send_message_serialized({"id": "3"})
    await transport.close()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broker", "program"),
    [
        pytest.param("nats", ONE_AFTER_THE_OTHER, id="nats-sequence"),
        pytest.param("nats", FORKED, id="nats-fork"),
        # Not in sequence: aio-pika writes to the standard error when its loop ends before it.
        pytest.param("rabbitmq", FORKED, id="rabbitmq-fork"),
        pytest.param("redis", ONE_AFTER_THE_OTHER, id="redis-sequence"),
        pytest.param("redis", FORKED, id="redis-fork"),
    ],
)
def test_a_transport_connects_anew_in_another_event_loop(
    program: str, broker: str, unique_name: str, request: pytest.FixtureRequest
) -> None:
    """A loop that has ended, or that runs in the parent of a forked process, is left alone."""
    options = "create=yes&patience=0&timeout=15"
    url: str = request.getfixturevalue(f"{broker}_url")
    queries = {
        "nats": f"stream={unique_name}&subject={unique_name}&{options}",
        "rabbitmq": f"exchange={unique_name}&routing_key=k&{options}",
        "redis": f"stream={unique_name}&{options}",
    }
    if broker == "rabbitmq":
        bind_queue(url, unique_name)
    done = subprocess.run(
        [sys.executable, "-c", START + program, f"{url}?{queries[broker]}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    read = READERS[broker](url, unique_name)
    assert ["1", "2", "3"] == [message["id"] for message in read]


START_READING = """
import asyncio, os, signal, sys, warnings
from messagebus.adapters.factory import async_source_from_url, sync_transport_from_url

signal.alarm(60)
warnings.simplefilter("ignore")  # of loops that end with open connections, and of forks
message = {"type": "a_v1", "payload": "{}"}
with sync_transport_from_url(sys.argv[1]) as transport:
    transport.send_messages_serialized([message | {"id": id} for id in "123"])
source = async_source_from_url(sys.argv[2], "reader")

async def take():
    while not (found := await source.receive(1, 1.0)):
        pass
    print(*(each.wire["id"] for each in found), flush=True)
    await source.settle(found)
"""
READ_ONE_AFTER_THE_OTHER = """
for _ in range(3):
    asyncio.run(take())
asyncio.run(source.close())
"""
READ_FORKED = """
async def main():
    await take()
    child = os.fork()
    if child == 0:
        signal.alarm(45)
        asyncio.run(take())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    await take()
    await source.close()

asyncio.run(main())
"""
SOURCES = {
    "nats": "stream={0}&subject={0}&timeout=15",
    "redis": "stream={0}&timeout=15",
}


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("broker", SOURCES)
@pytest.mark.parametrize(
    ("program", "ordered"),
    [
        pytest.param(READ_ONE_AFTER_THE_OTHER, "yes", id="sequence-ordered"),
        pytest.param(READ_ONE_AFTER_THE_OTHER, "no", id="sequence-competing"),
        pytest.param(READ_FORKED, "no", id="fork"),
    ],
)
def test_a_source_connects_anew_in_another_event_loop(
    program: str, ordered: str, broker: str, unique_name: str, request: pytest.FixtureRequest
) -> None:
    """What is settled in one loop does not come again in the next one."""
    url: str = request.getfixturevalue(f"{broker}_url")
    common = f"{url}?{SOURCES[broker].format(unique_name)}"
    arguments = [f"{common}&create=yes", f"{common}&ordered={ordered}"]
    done = subprocess.run(
        [sys.executable, "-c", START_READING + program, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "1\n2\n3\n", "") == (done.returncode, done.stdout, done.stderr)
