"""The brokers between writers and consumers: how each is started, and which URLs lead to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.servers import NatsServer, RedisServer, Server


@dataclass(frozen=True)
class Broker:
    """A broker of the trials; a new one needs an entry in *BROKERS*, and nothing else.

    Attributes:
        server: creates a server that keeps what it has confirmed when it is killed, or one whose
            kill only cuts the connections.
        query: the options of transport and source, in which ``{stream}`` and ``{partitions}`` are
            replaced.
        sending: further options of the transport, which must not drop duplicates if it can be
            told so.
    """

    server: Callable[[], Server]
    query: str
    sending: str = ""

    def source(self, url: str, stream: str, partitions: int = 1) -> str:
        """Return the URL of a source."""
        return f"{url}?{self.query.format(stream=stream, partitions=partitions)}"

    def transport(self, url: str, stream: str, partitions: int = 1) -> str:
        """Return the URL of a transport."""
        return f"{self.source(url, stream, partitions)}{self.sending}"


BROKERS = {
    "redis": Broker(
        RedisServer,
        "stream={stream}&create=true&partitions={partitions}",
        "&deduplicate_for=0",
    ),
    "nats": Broker(
        NatsServer,
        "stream={stream}&subject={stream}.{{name}}&create=true&partitions={partitions}",
    ),
}
