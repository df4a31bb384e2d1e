"""The transport to a Kafka topic."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException

from ...._compat.waits.aio import in_thread
from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError, StreamMissingError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport.encoding import Parcel, caused
from ..._transport.meaning import Meaning, failure_of
from ..._transport.partitions import ensure_partitions
from .._compat.aio import outcome_of
from ..connection import Connection
from ..encoding import Record, encode
from ..errors import MISSING, explain
from ..options import TRANSPORT, read_url
from ..topic import Topic


class AsyncKafkaTransport(AsyncBrokerTransport[Record]):
    """Produce messages to a Kafka topic: the payload as the value, all else as headers.

    The ordering key of a message is the key of its record, which decides its partition. Messages
    without one are all in partition 0, where they stay in order. Kafka does not drop a message
    that is sent again after its confirmation was lost.

    Args:
        config: the configuration of the client, such as ``bootstrap.servers``.
        topic: the name of the topic.
        create: create the topic if it does not exist.
        partitions: the number of partitions of a topic created here, from 1 to 1024.
        timeout: the limit for each answer of the broker, in seconds.
        patience: how long to keep trying to reach the broker, in seconds.

    Raises:
        ConfigurationError: there is no topic, or an argument is out of its range.
    """

    system: str = "kafka"

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        *,
        create: bool = False,
        partitions: int = 1,
        timeout: float = 5.0,
        patience: float = 5.0,
    ) -> None:
        super().__init__(patience)
        ensure_number("patience", patience)
        ensure_number("timeout", timeout, least=SHORTEST)
        ensure_partitions(partitions)
        if not topic:
            problem = "A transport to Kafka needs the name of a topic, not an empty string"
            raise ConfigurationError(problem)
        self._config = dict(config)
        self.destination: str | None = topic
        self._topic = Topic(topic, create, partitions)
        self._timeout = timeout
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport from a URL.

        Args:
            url: such as ``kafka://host:9092,host2:9092?topic=shop&create=true&partitions=8``, or
                with the scheme ``kafkas`` for TLS. User and password mean SASL. The query takes
                every option, ``mechanism`` (``PLAIN``, ``SCRAM-SHA-256`` or ``SCRAM-SHA-512``)
                and ``ca``, the path of a certificate.
            options: arguments of the transport; they override the URL.

        Raises:
            ConfigurationError: there is no topic, an option is unknown or has a wrong value, or
                the password of the URL is not percent-encoded.
        """
        config, found = read_url(url, TRANSPORT)
        settings = {**found, **options}
        if "topic" not in settings:
            problem = "A transport to Kafka needs a topic: add ?topic=shop to the URL"
            raise ConfigurationError(problem)
        return cls(config, **settings)

    async def connect(self) -> None:
        """Connect, and check the user and the topic.

        Raises:
            TransportRefusedError: the broker refuses the user or the topic.
            StreamMissingError: there is no topic, and the transport does not create it.
            TransportUnavailableError: no broker can be reached.
        """
        try:
            await in_thread(self._drop)
            await in_thread(self._connected)
        except KafkaException as error:
            raise self._failure(error.args[0]) from error

    async def close(self) -> None:
        """Close the connection."""
        await in_thread(self._drop)

    _encode = staticmethod(encode)

    async def _send(self, parcels: Sequence[Parcel[Record]]) -> tuple[int, Exception | None]:
        connection = self._connection
        try:
            if connection is None or not connection.usable:
                connection = await in_thread(self._connected)
        except KafkaException as error:
            return 0, caused(self._failure(error.args[0]), error)
        except StreamMissingError as error:
            return 0, error
        outcomes = await outcome_of(connection.send([parcel.content for parcel in parcels]))
        for number, outcome in enumerate(outcomes):
            if outcome is not None:
                reason = connection.reason_of(outcome)
                failure = self._failure(reason, parcels[number])
                if reason.code() in MISSING or explain(reason)[0] is not Meaning.BAD_MESSAGE:
                    await in_thread(self._drop, connection)
                return number, failure
        return len(parcels), None

    def _connected(self) -> Connection:
        self._enter_process()
        with self._lock:
            if self._connection is None or not self._connection.usable:
                connection = Connection(self._config, self._topic.name, self._timeout)
                try:
                    connection.open(self._topic)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
            return self._connection

    def _drop(self, connection: Connection | None = None) -> None:
        """Close a connection; the present one if none is given."""
        self._enter_process()
        with self._lock:
            present = self._connection
            if present is not None and connection in {None, present}:
                self._connection = None
                present.close()

    def _enter_process(self) -> None:
        """Replace the lock in a forked process: a thread of the parent may hold the other."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()

    def _failure(self, error: KafkaError, parcel: Parcel[Record] | None = None) -> Exception:
        """Return the exception to raise for a problem with a parcel, or with connecting."""
        # A topic that is missing now is looked for again, and reported, by the next connection.
        return failure_of(*explain(error), parcel and parcel.message)
