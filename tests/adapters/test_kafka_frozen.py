"""A member of a group that is frozen for longer than its session."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")

from messagebus.adapters.kafka import SyncKafkaSource, SyncKafkaTransport
from messagebus.testing.source._sync.reading import drain, take, wires
from messagebus.testing.transport.messages import new_messages
from tests.adapters.kafka import committed

# Takes three records, and settles two of them when it is told to.
PROGRAM = """
import sys
from messagebus.adapters.kafka import SyncKafkaSource
from messagebus.testing.source._sync.reading import take

source = SyncKafkaSource.from_url(sys.argv[1], sys.argv[2])
taken = take(source, 3)
print("taken", flush=True)
sys.stdin.readline()
source.settle(taken[:2])
print("settled", len(source.held(taken)), flush=True)
source.connect()
print("joined", flush=True)
(more,) = take(source, 1)
print(more.origin.split()[-1], source.held([more]) == [more], flush=True)
source.close()
"""


@pytest.mark.slow
def test_a_process_that_was_frozen_settles_nothing_of_what_others_have(
    kafka_url: str, unique_name: str
) -> None:
    """Its commit is refused, nothing of it is held, and it goes on behind the others."""
    url = f"{kafka_url}?topic={unique_name}&session=2"
    messages = new_messages(6)
    transport = SyncKafkaTransport.from_url(kafka_url, topic=unique_name, create=True)
    transport.send_messages_serialized(messages[:5])
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, unique_name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "taken\n" == process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        source = SyncKafkaSource.from_url(url, unique_name)
        held = take(source, 4)
        assert messages[:4] == wires(held)
        source.settle(held)
        assert 4 == committed(kafka_url, unique_name, unique_name)

        process.send_signal(signal.SIGCONT)
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert "settled 0\n" == process.stdout.readline()
        assert 4 == committed(kafka_url, unique_name, unique_name)
        assert messages[4:5] == wires(drain(source, 1))
        assert "joined\n" == process.stdout.readline()
        source.close()
        transport.send_messages_serialized(messages[5:])
        assert "5 True\n" == process.stdout.readline()
        assert 0 == process.wait(30)
    finally:
        process.kill()
        process.communicate()
        transport.close()
