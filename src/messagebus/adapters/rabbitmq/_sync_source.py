"""The source that reads the queues of a consumer, for plain code.

It runs the async one on an event loop in a thread, where heartbeats go on while the program does
something else.
"""

from __future__ import annotations

from typing import Any, Self

from .._transport.loop_source import LoopSource
from ._async_source import OPTIONS, AsyncRabbitmqSource
from ._async_transport import settings_of


class SyncRabbitmqSource(LoopSource):
    """Deliver the messages of an exchange by quorum queues of the consumer.

    See `AsyncRabbitmqSource`. A process that is forked opens a connection of its own.

    Args:
        server: the URL of the server, with its virtual host.
        exchange: the name of the exchange.
        consumer: the name of the consumer.
        settings: the other arguments of `AsyncRabbitmqSource`.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    def __init__(self, server: str, exchange: str, consumer: str, **settings: Any) -> None:
        source = AsyncRabbitmqSource(server, exchange, consumer, **settings)
        super().__init__(source, "messagebus-rabbitmq-source")

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL, as `AsyncRabbitmqSource.from_url` does.

        Raises:
            ConfigurationError: the exchange is missing, or an option is wrong or unknown.
        """
        return cls(consumer=consumer, **settings_of(url, options, OPTIONS))
