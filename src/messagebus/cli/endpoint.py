"""An HTTP endpoint with the health and the metrics of a process, in a thread of its own."""

from __future__ import annotations

import logging
import socket
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from ..exceptions import ConfigurationError
from .exposition import Report

Look = Callable[[], Report]
"""Looks at the process; called in any thread."""

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"


@contextmanager
def serving(options: Namespace, log: logging.Logger, look: Look) -> Iterator[None]:
    """Serve the endpoint while the block runs, if the options ask for it.

    Args:
        options: have the host and the port.
        log: is told the address.
        look: looks at the process.

    Raises:
        ConfigurationError: the port is taken, or the host is none of this machine.
    """
    if options.metrics_port is None:
        yield
        return
    host, port = options.metrics_host, options.metrics_port
    try:
        server = _Server(host, port, look)
    except OSError as error:
        text = f"Metrics cannot be served on {host}, port {port}: {error.strerror or error}"
        advice = "Choose another --metrics-port, or end the process that listens there."
        raise ConfigurationError(text, advice=advice) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    host, port = server.server_address[:2]
    log.info(
        "serves metrics on %s, port %d",
        host,
        port,
        extra={"event": "metrics.serving", "host": host, "port": port},
    )
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingMixIn, TCPServer):
    """A server with a thread for each connection, none of which keeps the process alive."""

    allow_reuse_address = True  # of connections that have ended, not of another server
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, look: Look) -> None:
        self.look = look
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a client that has gone is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "messagebus"
    sys_version = ""
    timeout = 5.0  # seconds; a client that sends nothing must not keep a thread

    def do_GET(self) -> None:
        """Answer a request."""
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._answer(200, "alive\n")
        elif path == "/readyz":
            problem = self.server.look().problem
            self._answer(503 if problem else 200, f"{problem or 'ready'}\n")
        elif path == "/metrics":
            self._answer(200, self.server.look().exposition(), _EXPOSITION)
        else:
            self._answer(404, "There are /healthz, /readyz and /metrics.\n")

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: int, text: str, kind: str = _PLAIN) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Do nothing: requests come every few seconds."""
