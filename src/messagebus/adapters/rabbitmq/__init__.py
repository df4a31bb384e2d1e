"""RabbitMQ.

Needs the extra `rabbitmq`.
"""

from __future__ import annotations

from ...exceptions import MissingExtraError

try:
    import aio_pika as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "rabbitmq") from _error

from ._async_source import AsyncRabbitmqSource
from ._async_transport import AsyncRabbitmqTransport
from ._sync_source import SyncRabbitmqSource
from ._sync_transport import SyncRabbitmqTransport

__all__ = [
    "AsyncRabbitmqSource",
    "AsyncRabbitmqTransport",
    "SyncRabbitmqSource",
    "SyncRabbitmqTransport",
]
