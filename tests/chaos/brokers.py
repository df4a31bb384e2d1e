"""The brokers between writers and consumers: how each is started, and which URLs lead to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from messagebus.adapters.factory import sync_source_from_url
from messagebus.inbox.capability import SourceCapability
from tests.servers import KafkaServer, NatsServer, RabbitmqServer, RedisServer

from .application import LONGEST_LIFE
from .proxy import Proxy


class Restartable(Protocol):
    """A server that the trials stop, kill and start again."""

    @property
    def url(self) -> str:
        """The URL of the server."""

    def stop(self) -> None:
        """Stop it."""

    def kill(self) -> None:
        """Stop it without warning."""

    def start(self) -> None:
        """Start it again, with everything that it has confirmed."""


class CutKafka:
    """A broker in memory, whose connections are cut instead of it being killed.

    Args:
        url: its URL, by the proxy.
        proxy: the way to it.
    """

    def __init__(self, url: str, proxy: Proxy) -> None:
        self.url = url
        self.stop = self.kill = proxy.cut
        self.start = proxy.mend

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[CutKafka]:
        """Start a broker behind a proxy."""
        with KafkaServer.behind_proxy() as (server, proxy):
            yield cls(server.url, proxy)


class RestartedRabbitmq:
    """A server that is restarted once more when it has been killed.

    RabbitMQ 3.10 may leave a queue without a leader after a SIGKILL; another restart elects one.

    Args:
        server: the server.
    """

    def __init__(self, server: RabbitmqServer) -> None:
        self._server = server
        self._is_killed = False
        self.url = server.url
        self.stop = server.stop

    def kill(self) -> None:
        """Kill it."""
        self._server.kill()
        self._is_killed = True

    def start(self) -> None:
        """Start it, and again if it was killed."""
        self._server.start()
        if self._is_killed:
            self._server.stop()
            self._server.start()
            self._is_killed = False

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[RestartedRabbitmq]:
        """Start a server."""
        with RabbitmqServer() as server:
            yield cls(server)


@dataclass(frozen=True)
class Broker:
    """A broker of the trials; a new one needs an entry in *BROKERS*, and nothing else.

    Attributes:
        server: starts a server, which stops at the end; that of a broker in memory cuts its
            connections instead when it is killed.
        query: the options of transport and source, in which ``{stream}`` and ``{partitions}`` are
            replaced.
        sending: further options of the transport, which must not drop duplicates if it can be
            told so.
        reading: further options of the source.
        life: the longest time until the next process is killed at random, in seconds.
    """

    server: Callable[[], AbstractContextManager[Restartable]]
    query: str
    sending: str = ""
    reading: str = ""
    life: float = LONGEST_LIFE

    def source(self, url: str, stream: str, partitions: int) -> str:
        """Return the URL of a source."""
        return f"{self._common(url, stream, partitions)}{self.reading}"

    def transport(self, url: str, stream: str, partitions: int) -> str:
        """Return the URL of a transport."""
        return f"{self._common(url, stream, partitions)}{self.sending}"

    def _common(self, url: str, stream: str, partitions: int) -> str:
        return f"{url}?{self.query.format(stream=stream, partitions=partitions)}"


BROKERS = {
    "redis": Broker(
        RedisServer,
        "stream={stream}&create=true&partitions={partitions}",
        sending="&deduplicate_for=0",
    ),
    "nats": Broker(
        NatsServer,
        "stream={stream}&subject={stream}.{{name}}&create=true&partitions={partitions}",
    ),
    "rabbitmq": Broker(
        RestartedRabbitmq.started,
        "exchange={stream}&create=true&partitions={partitions}",
    ),
}
if sys.version_info < (3, 15):  # for which its client has no wheel
    BROKERS["kafka"] = Broker(
        CutKafka.started,
        "topic={stream}&create=true&partitions={partitions}",
        # A group waits for its dead members, so a process lives long enough to get something.
        reading="&session=2",
        life=4.0,
    )


def announce(source: str, consumer: str) -> None:
    """Make a consumer known to a broker that keeps nothing for others.

    Args:
        source: the URL of the source.
        consumer: the name of the consumer.
    """
    with closing(sync_source_from_url(source, consumer)) as unused:
        if SourceCapability.HISTORY not in unused.capabilities:
            unused.connect()
