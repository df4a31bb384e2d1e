"""A transport that prints each message as a line of JSON."""

from __future__ import annotations

from ._async.transport import AsyncStdoutTransport
from ._sync.transport import SyncStdoutTransport

__all__ = ["AsyncStdoutTransport", "SyncStdoutTransport"]
