"""The source that reads a JetStream stream, for plain code.

NATS has no sync client: this source runs the async one on an event loop in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .._transport.loop_source import LoopSource
from ._async_source import OPTIONS, AsyncNatsSource
from ._async_transport import settings_of


class SyncNatsSource(LoopSource):
    """Deliver the messages of a JetStream stream by durable consumers.

    See `AsyncNatsSource`. A process that is forked opens a connection of its own.

    Args:
        servers: the URL of a server, or the URLs of several servers of a cluster.
        stream: the name of the stream.
        subject: the subject of the messages, as for the transport.
        consumer: the name of the consumer.
        settings: the other arguments of `AsyncNatsSource`.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        subject: str,
        consumer: str,
        **settings: Any,
    ) -> None:
        source = AsyncNatsSource(servers, stream, subject, consumer, **settings)
        super().__init__(source, "messagebus-nats-source")

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL, as `AsyncNatsSource.from_url` does.

        Raises:
            ConfigurationError: stream or subject is missing, or an option is wrong or unknown.
        """
        return cls(consumer=consumer, **settings_of(url, options, OPTIONS))
