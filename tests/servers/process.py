"""A server process for the tests, which they can stop, kill and freeze."""

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
from typing import Any, NoReturn, Self

import pytest

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# Below the range that the system uses for outgoing connections: a client that keeps trying to reach
# a stopped server must neither take its port nor connect to itself.
PORTS = range(20_000, 32_768)
ATTEMPTS = 5
PATIENCE = 180.0  # seconds; RabbitMQ needs a minute on a machine with much to do
# The kernel ends a server when the thread that started it ends, so that killed tests leave none
# behind. This thread lives as long as the process, not only for one test.
STARTER = ThreadPoolExecutor(1, "starter of servers")


MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp takes a name of its own
ENOUGH = 4 << 30  # bytes


class ServerError(RuntimeError):
    """A server did not start; the text is its log."""


def new_folder() -> Path:
    """Create a folder for data, in memory if there is plenty, where a database is made faster."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= ENOUGH:
            return Path(tempfile.mkdtemp(prefix="messagebus-test-", dir=MEMORY))
    return Path(tempfile.mkdtemp(prefix="messagebus-test-"))


class Server(abc.ABC):
    """A server on 127.0.0.1 with a folder for its data, which *close* deletes.

    Attributes:
        folder: the folder of the data.
        port: the port it listens on, which a restart keeps. 0 before the first start.
        end: the signal that shuts it down gracefully.
    """

    end = signal.SIGINT

    def __init__(self) -> None:
        self.folder = new_folder()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """The URL of the server."""

    @abc.abstractmethod
    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of a server on *port*."""

    @abc.abstractmethod
    def answers(self, port: int) -> bool:
        """Return whether the server accepts requests; an OSError means no."""

    def privileges(self) -> Mapping[str, Any]:
        """Return the arguments of Popen that set the user of the process."""
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
        """Start the server, and return when it accepts requests.

        Raises:
            ServerError: the server does not start.
        """
        for _ in range(ATTEMPTS):
            port = self.port or free_port()
            if self._launch(port):
                self.port = port
                return
        raise ServerError(f"{type(self).__name__}: {self._log.read_text('utf-8', 'replace')}")

    def stop(self) -> None:
        """Shut the server down gracefully, and return when it has exited."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._process.send_signal(self.end)
            try:
                self._process.wait(PATIENCE)
            finally:
                self.kill()

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def freeze(self) -> None:
        """Suspend the server: connections stay open, but nothing is answered."""
        self._signal(signal.SIGSTOP)
        # The signal takes effect with a delay; only a stopped process answers nothing.
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Resume a frozen server."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _launch(self, port: int) -> bool:
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
                start_new_session=True,  # Ctrl-C reaches only the tests, which stop the server
                preexec_fn=die_with_parent,
                **self.privileges(),
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            for pid in [self._process.pid, *children(self._process.pid)]:
                send(pid, number)


def die_with_parent() -> None:
    """Make the kernel kill this process when the thread that started it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children(pid: int) -> Iterator[int]:
    """Yield the running children of process *pid*."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, path.read_text("ascii").split())


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process unless it has exited."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def free_port() -> int:
    """Return an unused port of 127.0.0.1."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers_with(port: int, request: bytes, answer: bytes) -> bool:
    """Return whether the greeting of a server, or its reply to *request*, contains *answer*."""
    with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(request)
        return answer in connection.recv(4096)


def skip_or_fail(program: str, command: str) -> NoReturn:
    """Skip the test because a program of the system is missing; fail it where none may be skipped.

    Args:
        program: the name of the program.
        command: how to install it.

    Raises:
        ServerError: the environment variable MESSAGEBUS_TEST_ALL is set, as in `.ci/run`.
    """
    text = f"{program} is not installed: {command}"
    if os.environ.get("MESSAGEBUS_TEST_ALL"):
        raise ServerError(text)
    pytest.skip(text)


def package(name: str) -> Path:
    """Return the folder of an installed package without importing it.

    Raises:
        ServerError: the package is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerError(f"{name} is not installed: pip install -e '.[dev]'")
    return Path(spec.origin).parent
