"""Kafka, and brokers that speak its protocol.

Needs the extra `kafka`.
"""

from __future__ import annotations

from ...exceptions import MissingExtraError

try:
    import confluent_kafka as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "kafka") from _error

from ._async.source import AsyncKafkaSource
from ._async.transport import AsyncKafkaTransport
from ._sync.source import SyncKafkaSource
from ._sync.transport import SyncKafkaTransport

__all__ = [
    "AsyncKafkaSource",
    "AsyncKafkaTransport",
    "SyncKafkaSource",
    "SyncKafkaTransport",
]
