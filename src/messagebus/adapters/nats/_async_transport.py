"""The transport to a JetStream stream, for code that runs in an event loop."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Self
from urllib.parse import quote

from ..._ranges import SHORTEST, ensure_number
from ...exceptions import (
    ConfigurationError,
    MessageRejectedError,
    TransportUnavailableError,
)
from ...serialization.wire import TRACE_CONTEXT
from .._transport._async.transport import AsyncBrokerTransport
from .._transport.encoding import Parcel, caused, id_of, json_bytes_of
from .._transport.meaning import Meaning, failure_of
from .._transport.options import Kinds, split_options, truth
from .connection import Connection, Letter, Stream
from .errors import CLIENT_ERRORS, explain, is_misdirected
from .servers import read_servers
from .subject import SubjectTemplate

_STREAM = re.compile(r"[^\s.*>/\\]+")
OPTIONS: Kinds = {
    "stream": str,
    "subject": str,
    "partitions": int,
    "create": truth,
    "deduplicate_for": float,
    "timeout": float,
    "patience": float,
}


class AsyncNatsTransport(AsyncBrokerTransport[Letter]):
    """Publish messages to a JetStream stream, each as a JSON object.

    The identifier of a message becomes its ``Nats-Msg-Id``, by which the stream drops duplicates.
    In another event loop, the transport opens another connection; it serves one loop at a time.

    Args:
        servers: the URL of a server, or the URLs of several servers of a cluster.
        stream: the name of the stream. It is looked up when the connection is opened.
        subject: the subject of a message, with fields such as ``events.{name}``. A field is
            *name* or *version*, the parts of the message's *type*, or any key of the message.
        partitions: the number of partitions. Of more than one, the number is the last token of the
            subject; those with the same ordering key stay in order, and those without one are in
            the first partition. A field then has one token.
        create: create the stream, listening to all such subjects, if it does not exist.
        deduplicate_for: how long a stream created here remembers a message, in seconds. It must
            exceed the time that a sender may be down between sending a message and recording
            that it did. Other streams have a duplicate window of their own.
        timeout: the limit for a connection, and for the answer to a bundle, in seconds.
        patience: how long to keep trying to reach the server, in seconds.
        options: further arguments for *nats.connect*, such as *user_credentials*.

    Raises:
        ConfigurationError: the subject, the name of the stream, a server or a duration is not
            valid.
    """

    system: str = "nats"

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        subject: str,
        *,
        partitions: int = 1,
        create: bool = False,
        deduplicate_for: float = 600.0,
        timeout: float = 5.0,
        patience: float = 5.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(patience)
        ensure_number("patience", patience)
        ensure_number("deduplicate_for", deduplicate_for, least=SHORTEST)
        ensure_number("timeout", timeout, least=SHORTEST)
        if not _STREAM.fullmatch(stream):
            problem = f"{stream!r} is not a valid stream name"
            raise ConfigurationError(problem)
        self._servers = read_servers(servers)
        self._subject = SubjectTemplate(subject, partitions)
        self.destination: str | None = subject
        self._stream = Stream(stream, self._subject.pattern, create, deduplicate_for)
        self._timeout = timeout
        self._client_options = dict(options or {})
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport from a URL.

        Args:
            url: such as ``nats://host:4222?stream=EVENTS&subject=events.{name}``; separate several
                hosts by commas. The query takes every argument but *options*.
            options: arguments of the transport; they override the URL.

        Raises:
            ConfigurationError: stream or subject is missing, an option is wrong or unknown, or a
                password in the URL is not percent-encoded.
        """
        return cls(**settings_of(url, options, OPTIONS))

    async def connect(self) -> None:
        """Connect, and check the user, its rights on the stream, and the stream.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or the
                stream takes no messages.
            StreamMissingError: there is no stream, and the transport does not create it, or it
                listens to none of the subjects.
            TransportUnavailableError: no server can be reached, or JetStream does not answer.
        """
        try:
            connection = await self._connected()
            await connection.check()
            connection.ensure_heard()
        except CLIENT_ERRORS as error:
            async with self._lock:
                await self._drop()
            failure = _failure_of(error)
            raise failure from failure.__cause__

    async def close(self) -> None:
        """Close the connection."""
        self._enter_loop()
        async with self._lock:
            await self._drop()

    def _encode(self, message: Mapping[str, Any]) -> Parcel[Letter]:
        body = json_bytes_of(message)
        headers = {"Nats-Expected-Stream": self._stream.name}
        if id := id_of(message):
            headers["Nats-Msg-Id"] = quote(id, safe="")  # a header cannot contain line breaks
        for name in TRACE_CONTEXT:
            value = message.get(name)
            if isinstance(value, str) and value.isascii() and value.isprintable():
                headers[name] = value  # for readers that look for it there, as most do
        # The server counts "NATS/1.0", and each header with ": " and the end of its line.
        size = len(body) + 12 + sum(len(key) + len(value) + 4 for key, value in headers.items())
        return Parcel(message, Letter(self._subject.fill(message), body, headers), size)

    async def _send(self, parcels: Sequence[Parcel[Letter]]) -> tuple[int, Exception | None]:
        try:
            connection = await self._connected()
        except CLIENT_ERRORS as error:
            return 0, _failure_of(error)
        limit = connection.max_size
        fitting = list(takewhile(lambda parcel: parcel.size <= limit, parcels))
        outcomes = await connection.publish([parcel.content for parcel in fitting])
        for number, outcome in enumerate(outcomes):
            if outcome is not None:
                return number, await self._failure(connection, fitting[number], outcome)
        if len(fitting) < len(parcels):
            parcel = parcels[len(fitting)]
            reason = f"its {parcel.size} bytes exceed the server's limit of {limit}"
            return len(fitting), MessageRejectedError(parcel.message, reason)
        return len(parcels), None

    def _enter_loop(self) -> None:
        """Forget what belongs to another event loop: here it can be neither used nor closed.

        The loop may have ended, or it runs in the parent of this process.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock, self._connection = loop, asyncio.Lock(), None

    async def _connected(self) -> Connection:
        self._enter_loop()
        async with self._lock:
            if self._connection is None or not self._connection.usable:
                await self._drop()
                self._connection = Connection(self._stream, self._timeout)
                try:
                    await self._connection.open(self._servers, self._client_options)
                except BaseException:
                    await self._drop()
                    raise
            return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _failure(
        self, connection: Connection, parcel: Parcel[Letter], outcome: Exception
    ) -> Exception:
        """Return the error for a parcel that was not confirmed: its own, or the broker's."""
        if is_misdirected(outcome):
            try:
                await connection.check()
                connection.ensure_heard()  # or else every message would be rejected
            except TransportUnavailableError as error:
                return error
            except CLIENT_ERRORS as error:
                outcome = error
            else:
                if not connection.reaches(parcel.content.subject):
                    name, subject = self._stream.name, parcel.content.subject
                    reason = f"the stream {name!r} does not listen to {subject!r}"
                    return caused(MessageRejectedError(parcel.message, reason), outcome)
        if explain(outcome)[0] in {Meaning.RECONNECT, Meaning.REFUSED}:
            async with self._lock:
                if self._connection is connection:
                    await self._drop()
        return _failure_of(outcome, parcel.message)


def settings_of(url: str, options: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    """Return the arguments of a transport or a source, read from a URL and further options.

    Raises:
        ConfigurationError: stream or subject is missing, or an option is wrong or unknown.
    """
    address, found = split_options(url, kinds)
    scheme, _, servers = address.partition("://")
    servers = servers.removesuffix("/")
    if "/" in servers or "#" in servers:
        problem = "A URL of NATS has nothing between its servers and its options"
        raise ConfigurationError(problem)
    settings = {**found, **options}
    for name in ("stream", "subject"):
        if name not in settings:
            problem = f"A URL of NATS needs a {name}: add "
            raise ConfigurationError(problem + "?stream=EVENTS&subject=events.{name} to the URL")
    settings["servers"] = [f"{scheme}://{server}" for server in servers.split(",")]
    return settings


def _failure_of(error: Exception, message: Mapping[str, Any] | None = None) -> Exception:
    """Return the exception to raise for an error, which is the same if it is one of ours."""
    if isinstance(error, TransportUnavailableError):
        return error
    return caused(failure_of(*explain(error), message), error)
