from __future__ import annotations

import subprocess
import sys

import pytest

from tests.adapters.stored import documents, entries

START = """
import asyncio, os, signal, sys, warnings
from messagebus.adapters.factory import async_transport_from_url

signal.alarm(20)
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
        signal.alarm(15)
        asyncio.run(transport.send_message_serialized({"id": "2"}))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    await transport.send_message_serialized({"id": "3"})
    await transport.close()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["nats", "redis"])
@pytest.mark.parametrize("program", [ONE_AFTER_THE_OTHER, FORKED], ids=["sequence", "fork"])
def test_a_transport_connects_anew_in_another_event_loop(
    program: str, broker: str, nats_url: str, redis_url: str, unique_name: str
) -> None:
    """A loop that has ended, or that runs in the parent of a forked process, is left alone."""
    options = "create=yes&patience=0&timeout=3"
    urls = {
        "nats": f"{nats_url}?stream={unique_name}&subject={unique_name}&{options}",
        "redis": f"{redis_url}?stream={unique_name}&{options}",
    }
    done = subprocess.run(
        [sys.executable, "-c", START + program, urls[broker]],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    read = documents(nats_url, unique_name) if broker == "nats" else entries(redis_url, unique_name)
    assert ["1", "2", "3"] == [message["id"] for message in read]
