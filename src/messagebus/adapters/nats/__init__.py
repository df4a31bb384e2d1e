"""NATS JetStream.

Needs the extra `nats`.
"""

from __future__ import annotations

from ...exceptions import MissingExtraError

try:
    import nats as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "nats") from _error

from ._async_source import AsyncNatsSource
from ._async_transport import AsyncNatsTransport
from ._sync_source import SyncNatsSource
from ._sync_transport import SyncNatsTransport

__all__ = ["AsyncNatsSource", "AsyncNatsTransport", "SyncNatsSource", "SyncNatsTransport"]
