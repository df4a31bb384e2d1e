from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from messagebus.adapters.nats import SyncNatsTransport
from messagebus.testing.transport.messages import new_messages
from tests.adapters.stored import documents


def loop_threads() -> list[threading.Thread]:
    """Return the threads in which transports run a loop."""
    return [thread for thread in threading.enumerate() if thread.name == "messagebus-nats"]


def test_the_thread_of_a_transport_ends_with_it(nats_url: str, unique_name: str) -> None:
    """It starts on first use, once for all senders, and stops when the transport is closed."""
    messages = new_messages(40)
    transport = SyncNatsTransport(nats_url, unique_name, unique_name, create=True)
    assert [] == loop_threads()

    with transport, ThreadPoolExecutor(8) as threads:
        list(threads.map(transport.send_message_serialized, messages))
        assert 1 == len(loop_threads())

    assert [] == loop_threads()
    stored = {message["id"] for message in documents(nats_url, unique_name)}
    assert {message["id"] for message in messages} == stored
