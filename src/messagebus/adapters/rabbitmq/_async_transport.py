"""The transport to an exchange of RabbitMQ, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from ..._ranges import SHORTEST, ensure_number
from ..._urls import ensure_encoded
from ...exceptions import ConfigurationError, MessageRejectedError, TransportUnavailableError
from .._transport._async.transport import AsyncBrokerTransport
from .._transport.encoding import Parcel, caused
from .._transport.meaning import Meaning, failure_of
from .._transport.options import Kinds, split_options, truth
from .connection import Connection, Exchange, returned
from .encoding import Envelope, encode
from .errors import CLIENT_ERRORS, explain
from .routing import RoutingKey

OPTIONS: Kinds = {
    "exchange": str,
    "routing_key": str,
    "partitions": int,
    "create": truth,
    "timeout": float,
    "patience": float,
}


class AsyncRabbitmqTransport(AsyncBrokerTransport[Envelope]):
    """Publish messages to an exchange: the payload is the body, the rest is beside it.

    The server confirms a message when the queues that it goes to have stored it. A message that
    goes to no queue is rejected, since the server would drop it. RabbitMQ does not recognize a
    message that is sent twice. In another event loop, the transport opens another connection; it
    serves one loop at a time.

    Args:
        server: the URL of the server, ``amqp://user:password@host/vhost`` or ``amqps://``.
        exchange: the name of the exchange. It is looked up when the connection is opened.
        routing_key: the routing key of a message, with fields such as ``{name}``. A field is
            *name* or *version*, the parts of the message's *type*, or any key of the message.
        partitions: the number of partitions, among which ordering keys divide the messages. If it
            exceeds 1, the number of the partition follows the routing key, behind a dot.
        create: declare the exchange, durable and of the type topic, if it does not exist.
        timeout: the limit for a connection, and for the answer to a bundle, in seconds.
        patience: how long to keep trying to reach the server, in seconds.

    Raises:
        ConfigurationError: an argument is not valid.
    """

    system: str = "rabbitmq"

    def __init__(
        self,
        server: str,
        exchange: str,
        *,
        routing_key: str = "{name}",
        partitions: int = 1,
        create: bool = False,
        timeout: float = 5.0,
        patience: float = 5.0,
    ) -> None:
        super().__init__(patience)
        ensure_number("patience", patience)
        ensure_number("timeout", timeout, least=SHORTEST)
        ensure_server(server)
        if not exchange:
            problem = "A transport to RabbitMQ needs the name of an exchange"
            raise ConfigurationError(problem)
        self._server = server
        self._routing_key = RoutingKey(routing_key, partitions)
        self._exchange = Exchange(exchange, create)
        self.destination: str | None = exchange
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport from a URL.

        Args:
            url: such as ``amqp://user:password@host/vhost?exchange=events&routing_key={name}``.
                The query takes every argument.
            options: arguments of the transport; they override the URL.

        Raises:
            ConfigurationError: the exchange is missing, an option is wrong or unknown, or a
                password in the URL is not percent-encoded.
        """
        return cls(**settings_of(url, options))

    async def connect(self) -> None:
        """Connect, and check the user and the exchange.

        Raises:
            TransportRefusedError: the server refuses the user, or the user lacks a right.
            StreamMissingError: there is no exchange, and the transport does not create it.
            TransportUnavailableError: the server cannot be reached.
        """
        async with self._loop_lock():
            await self._drop()  # what was looked up may be gone
        try:
            await self._connected()
        except CLIENT_ERRORS as error:
            failure = _failure_of(error)
            raise failure from failure.__cause__

    async def close(self) -> None:
        """Close the connection."""
        async with self._loop_lock():
            await self._drop()

    def _encode(self, message: Mapping[str, Any]) -> Parcel[Envelope]:
        content, size = encode(message)
        return Parcel(message, Envelope(self._routing_key.fill(message), content), size)

    async def _send(self, parcels: Sequence[Parcel[Envelope]]) -> tuple[int, Exception | None]:
        try:
            connection = await self._connected()
        except CLIENT_ERRORS as error:
            return 0, _failure_of(error)
        parcels = _different(parcels)
        outcomes = await connection.publish([parcel.content for parcel in parcels])
        for number, outcome in enumerate(outcomes):
            if outcome is not None:
                return await self._fail(connection, parcels[number:], outcome, number)
        return len(parcels), None

    async def _fail(
        self,
        connection: Connection,
        parcels: Sequence[Parcel[Envelope]],
        outcome: Exception,
        confirmed: int,
    ) -> tuple[int, Exception | None]:
        """Return how many parcels are confirmed, and the error of the next one, which comes first.

        The server closes the channel for one message without saying which: a message that was not
        alone is sent again, alone.
        """
        message = parcels[0].message
        if returned(outcome):
            name, key = self._exchange.name, parcels[0].content.routing_key
            reason = f"the exchange {name!r} has no queue for the routing key {key!r}"
            return confirmed, caused(MessageRejectedError(message, reason), outcome)
        meaning = explain(outcome)[0]
        if not connection.usable or meaning in {Meaning.RECONNECT, Meaning.REFUSED}:
            async with self._loop_lock():
                if self._connection is connection:
                    await self._drop()
        if meaning is Meaning.BAD_MESSAGE and len(parcels) > 1:
            more, failure = await self._send(parcels[:1])
            return confirmed + more, failure
        return confirmed, _failure_of(outcome, message)

    def _loop_lock(self) -> asyncio.Lock:
        """Return the lock, and forget what belongs to another event loop.

        It can be neither used nor closed here: the loop may have ended, or it runs in the parent
        of this process.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock, self._connection = loop, asyncio.Lock(), None
        return self._lock

    async def _connected(self) -> Connection:
        async with self._loop_lock():
            if self._connection is None or not self._connection.usable:
                await self._drop()
                self._connection = Connection(self._exchange, self._timeout)
                try:
                    await self._connection.open(self._server)
                except BaseException:
                    await self._drop()
                    raise
            return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def settings_of(url: str, options: Mapping[str, Any], kinds: Kinds = OPTIONS) -> dict[str, Any]:
    """Return the arguments of a transport, or of a source, from a URL and further options.

    Raises:
        ConfigurationError: the exchange is missing, or an option is wrong or unknown.
    """
    address, found = split_options(url, kinds)
    settings = {**found, **options, "server": address}
    if "exchange" not in settings:
        problem = "A URL of RabbitMQ needs an exchange: add ?exchange=events"
        raise ConfigurationError(problem)
    return settings


def ensure_server(server: str) -> None:
    """Ensure that a URL names a server of RabbitMQ, and nothing else.

    Raises:
        ConfigurationError: it does not, or its password is not percent-encoded.
    """
    ensure_encoded(server)
    parts = urlsplit(server)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname or parts.query:
        problem = "A URL of RabbitMQ is amqp://user:password@host:5672/vhost?exchange=events"
        raise ConfigurationError(problem)


def _different(parcels: Sequence[Parcel[Envelope]]) -> Sequence[Parcel[Envelope]]:
    """Return the parcels up to the first whose identifier came before.

    The server tells by its identifier which message has no queue.
    """
    seen: set[str] = set()
    for number, parcel in enumerate(parcels):
        id = parcel.content.message.message_id
        if id is not None and id in seen:
            return parcels[:number]
        seen.add(id or "")
    return parcels


def _failure_of(error: Exception, message: Mapping[str, Any] | None = None) -> Exception:
    """Return the exception to raise for an error, which is the same if it is one of ours."""
    if isinstance(error, TransportUnavailableError):
        return error
    return caused(failure_of(*explain(error), message), error)
