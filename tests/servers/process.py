"""A process that serves the tests on a port of its own, and can be stopped, killed and frozen."""

from __future__ import annotations

import abc
import contextlib
import ctypes
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# Below the range from which the system takes the ports of outgoing connections: a client that
# tries again and again to reach a server that is down must not take its port, nor meet itself.
PORTS = range(20_000, 32_768)
ATTEMPTS = 5
PATIENCE = 60.0  # seconds
# The kernel ends a server when the thread that started it ends, so that no server is left behind
# when the tests are killed. This thread ends with the process, not with a test.
STARTER = ThreadPoolExecutor(1, "starter of servers")


class ServerError(RuntimeError):
    """A server of the tests did not start; the text ends with what it said."""


class Server(abc.ABC):
    """A server on 127.0.0.1 whose data live in a folder of its own, deleted by *close*.

    Attributes:
        folder: where the data are.
        port: where it listens; the same after a restart. 0 before the first start.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="messagebus-test-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """Where a client finds the server."""

    @abc.abstractmethod
    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line that serves on *port* until it is told to stop."""

    @abc.abstractmethod
    def answers(self, port: int) -> bool:
        """Tell whether the server takes requests; an OSError means no."""

    def privileges(self) -> Mapping[str, Any]:
        """Return the arguments of Popen that say as whom the server runs."""
        return {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, and return when it takes requests.

        Raises:
            ServerError: it does not start.
        """
        for _ in range(ATTEMPTS):
            port = self.port or free_port()
            if self._launched(port):
                self.port = port
                return
        raise ServerError(f"{type(self).__name__}: {self._log.read_text('utf-8', 'replace')}")

    def stop(self) -> None:
        """Let the server leave in its own way; return when it has left."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE)
            finally:
                self.kill()

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def freeze(self) -> None:
        """Leave the server where it is: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)
        # A signal takes its time; only when all threads have stopped is nothing answered any more.
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _launched(self, port: int) -> bool:
        self._process = STARTER.submit(self._popen, port).result()
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.answers(port):
                    return True
            time.sleep(0.01)
        self.kill()
        return False

    def _popen(self, port: int) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self.command(port),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the server
                preexec_fn=die_with_parent,
                **self.privileges(),
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            for pid in [self._process.pid, *children(self._process.pid)]:
                send(pid, number)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children(pid: int) -> Iterator[int]:
    """Yield the processes that process *pid* started and that still run."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, path.read_text("ascii").split())


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has left already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def converse(port: int, request: bytes, answer: bytes) -> bool:
    """Tell whether a server greets with, or answers *request* by, something that has *answer*."""
    with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(request)
        return answer in connection.recv(4096)


def package(name: str) -> Path:
    """Return the folder of an installed package, without importing it.

    Raises:
        ServerError: it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerError(f"{name} is not installed: pip install -e '.[dev]'")
    return Path(spec.origin).parent
