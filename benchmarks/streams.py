"""The streams that consumers read: a new one for each repetition, filled without them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from time import perf_counter, process_time
from typing import NamedTuple
from uuid import uuid4

import sqlalchemy as sa

from messagebus import MessageSerializer
from messagebus.adapters.factory import sync_source_from_url, sync_transport_from_url
from messagebus.adapters.sqlalchemy import tables

from .contender import Sample
from .databases import books, kafka, nats, rabbitmq, redis
from .measuring import at_the_end
from .messages import Registered

REDIS, NATS, RABBITMQ, KAFKA = "Redis", "NATS", "RabbitMQ", "Kafka"
GROUP = "bench"
SESSION = 1.0  # seconds; a group of the broker for Kafka takes half of it to begin
FETCHED = 100  # messages that are read at a time by hand, and by peers


class Place(NamedTuple):
    """Where a broker has its streams.

    Attributes:
        server: starts the server, and returns its URL.
        query: the query of a stream's URL, with a place for its name.
        reading: what only a source has in its query.
        declared: whether a source must have declared its queue before anything is sent.
    """

    server: Callable[[], str]
    query: str
    reading: str = ""
    declared: bool = False


_PLACES = {
    REDIS: Place(redis, "stream={0}&create=true"),
    NATS: Place(nats, "stream={0}&subject={0}.{{name}}&create=true"),
    RABBITMQ: Place(rabbitmq, "exchange={0}&create=true", declared=True),
    KAFKA: Place(kafka, "topic={0}&create=true", reading=f"&session={SESSION:g}"),
}

_PLAIN = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
_numbers = itertools.count(1)


def server_of(broker: str) -> str:
    """Return the URL of the server of a broker."""
    return _PLACES[broker].server()


def url_of(broker: str, stream: str) -> str:
    """Return the URL of a stream, which is created by its first user."""
    return f"{server_of(broker)}?{_PLACES[broker].query.format(stream)}"


class Stream:
    """A stream of events that nobody has read, and the database that they are applied to.

    Args:
        broker: the broker.
        database: the URL of the database, whose driver does not count.
        count: the number of events.

    Attributes:
        broker: the broker.
        server: the URL of its server.
        count: the number of events.
        name: the name of the stream, and of its consumer where each needs one of its own.
    """

    def __init__(self, broker: str, database: sa.URL, count: int) -> None:
        self.broker = broker
        self.server = server_of(broker)
        dialect = database.get_backend_name()
        self._engine = sa.create_engine(database.set(drivername=_PLAIN[dialect]))
        at_the_end(self._engine.dispose)
        self.count = count
        self.name = ""
        self._applied = 0
        self._first = self._last = Sample(0.0, 0.0)

    @property
    def url(self) -> str:
        """The URL of the stream for a source."""
        return f"{url_of(self.broker, self.name)}{_PLACES[self.broker].reading}"

    def refill(self) -> None:
        """Fill a new stream, and empty the database."""
        with self._engine.begin() as connection:
            for table in (books, tables.inbox):
                connection.execute(sa.delete(table))
        self._applied = 0
        self.name = f"bench{next(_numbers)}"
        serialize = MessageSerializer().serialize_message
        events = (Registered(id=str(uuid4()), title="A title") for _ in range(self.count))
        if _PLACES[self.broker].declared:
            source = sync_source_from_url(self.url, self.name)
            source.connect()
            source.close()
        transport = sync_transport_from_url(url_of(self.broker, self.name))
        try:
            transport.send_messages_serialized([serialize(event) for event in events])
        finally:
            transport.close()

    def note(self, applied: int) -> bool:
        """Note that a transaction has applied events; return whether all are applied."""
        self._last = Sample(process_time(), perf_counter())
        if not self._applied:
            self._first = self._last
        self._applied += applied
        return self._applied == self.count

    def duration(self) -> Sample:
        """Return the time from the first commit to the last one, without start and end.

        Raises:
            RuntimeError: not every event was applied once.
        """
        with self._engine.connect() as connection:
            for table in (books, tables.inbox):
                found = connection.scalar(sa.select(sa.func.count()).select_from(table))
                if found != self.count:
                    text = f"{found} rows of {self.count} are in {table}"
                    raise RuntimeError(text)
        return Sample(self._last.cpu - self._first.cpu, self._last.wall - self._first.wall)
