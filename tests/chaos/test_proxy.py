"""The proxy of the tests itself."""

from __future__ import annotations

import contextlib
import gc
import socket
from threading import Event, Thread
from time import sleep

from .proxy import Proxy


def connect_again_and_again(port: int, ended: Event) -> None:
    """Connect, whether somebody listens or not."""
    while not ended.is_set():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 0.2).close()


def test_a_proxy_that_ends_leaves_no_connection_open() -> None:
    """Not even one that it is accepting; Python would warn of it in some later test."""
    ended = Event()
    with Proxy(target=1) as proxy:  # where nobody listens
        clients = [Thread(target=connect_again_and_again, args=(proxy.port, ended)) for _ in "abc"]
        for each in clients:
            each.start()
        sleep(0.05)
    ended.set()
    for each in clients:
        each.join()

    gc.collect()
