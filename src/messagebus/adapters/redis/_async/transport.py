"""The transport to a Redis stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError, StreamMissingError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport.encoding import Parcel, caused
from ..._transport.meaning import Meaning, failure_of
from .._compat.aio import AsyncRedis, AsyncRedisCluster, current_loop
from ..append import MISSING, MOST_ENTRIES, PROBE, SCRIPT, Entry, encode, keys_of
from ..errors import CLIENT_ERRORS, Problem, explain, place_of, problem_of, problem_of_client
from ..options import read_url

_ADVICE = (
    "Create it together with the group that reads it, `XGROUP CREATE {stream} <group> $ MKSTREAM`, "
    "or let the transport do it with create=True."
)


class AsyncRedisTransport(AsyncBrokerTransport[Entry]):
    """Append messages to a Redis stream, with each key of a message as a field of the entry.

    Strings are written unchanged and all other values as JSON, so that any client can read them.
    The server remembers the identifier of each message for a while and does not append it again.

    Args:
        client: the client, which may be one for a cluster, or one that a Sentinel gave; it stays
            open when the transport is closed.
        stream: the key of the stream.
        create: create the stream with the first message instead of failing without it.
        deduplicate_for: how long a message is remembered, in seconds, in a key
            `{<stream>}:<id>` of about 200 bytes; 0 for never. It must exceed the time that a
            sender may be down between sending a message and recording that it did.
        max_length: trim the stream to about this many entries. Trimmed entries are lost, even to
            groups that have not read them.
        max_age: trim entries older than this many seconds; they are lost as well.
        patience: how long to keep trying to reach the server, in seconds.

    Raises:
        ConfigurationError: an argument is out of its range.
    """

    def __init__(
        self,
        client: AsyncRedis | AsyncRedisCluster,
        stream: str,
        *,
        create: bool = False,
        deduplicate_for: float = 600.0,
        max_length: int | None = None,
        max_age: float | None = None,
        patience: float = 5.0,
    ) -> None:
        super().__init__(patience)
        ensure_number("deduplicate_for", deduplicate_for)
        ensure_number("patience", patience)
        if max_age is not None:
            ensure_number("max_age", max_age, least=SHORTEST)
        if not stream:
            problem = "A transport to Redis needs the name of a stream, not an empty string"
            raise ConfigurationError(problem)
        if max_length is not None and not 0 < max_length <= MOST_ENTRIES:
            problem = f"max_length must be at least 1 and at most {MOST_ENTRIES}, not {max_length}"
            raise ConfigurationError(problem)
        if not hasattr(client, "register_script"):
            problem = f"{type(client).__name__} is no client that can run a script"
            advice = "Of a Sentinel, give the client of the primary: sentinel.master_for(name)."
            raise ConfigurationError(problem, advice=advice)
        self._stream = stream
        self._create = create
        self._remembered = deduplicate_for > 0
        remember_for = max(round(deduplicate_for * 1000), 1)
        oldest = round((max_age or 0) * 1000)
        self._arguments = (remember_for, int(create), max_length or 0, oldest)  # of the script
        self._trims = bool(max_length or oldest)
        self._new_client: Callable[[], Any] | None = None
        self._loop: object = None
        self._left: list[Any] = []
        self._use(client)

    def _use(self, client: Any) -> None:  # its types differ from version to version
        self._client = client
        self._script = client.register_script(SCRIPT)
        self._probe = client.register_script(PROBE)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a transport with a client of its own, which is closed with the transport.

        Args:
            url: such as ``redis://host:6379/0?stream=events``, or with the scheme ``rediss`` for
                TLS or ``unix`` for a socket. Its query takes every option, and some of the
                client: ``client_name``, ``username``, ``password``, ``protocol``,
                ``health_check_interval``, ``max_connections``, ``socket_keepalive`` and, with
                TLS, ``ssl_ca_certs``, ``ssl_certfile`` and the like.
            options: *stream* and the other arguments of the transport, and *timeout*, the limit
                for a connection and for each answer in seconds (5). They override the URL.

        Raises:
            ConfigurationError: there is no stream, an option is unknown or has a wrong value, or
                the password of the URL is not percent-encoded.
        """
        address, found, settings = read_url(url)
        options = {"timeout": 5.0, **found, **options}
        if "stream" not in options:
            problem = "A transport to Redis needs a stream: add ?stream=events to the URL"
            raise ConfigurationError(problem)
        timeout = options.pop("timeout")
        ensure_number("timeout", timeout, least=SHORTEST)
        client: Any = AsyncRedis
        new_client = partial(
            client.from_url,
            address,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # The transport retries by itself: it knows which messages are confirmed.
            retry=None,
            **settings,
        )
        transport = cls(new_client(), **options)
        transport._new_client = new_client
        return transport

    async def connect(self) -> None:
        """Connect, and check the user, its rights and the key of the stream.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or the key
                does not hold a stream.
            StreamMissingError: there is no stream, and the transport does not create it.
            TransportUnavailableError: the server cannot be reached, or takes no writes now.
        """
        self._enter_loop()
        flags = (int(self._create), int(self._remembered), int(self._trims))
        keys = [self._stream, f"{place_of(self._stream)}:"]
        try:
            await self._client.script_load(SCRIPT)
            problem = problem_of(await self._probe(keys=keys, args=flags))
        except CLIENT_ERRORS as error:
            raise await self._failure(problem_of_client(error)) from error
        if problem is not None:
            raise await self._failure(problem)

    async def close(self) -> None:
        """Close the connections, unless the client was given to the transport."""
        if self._new_client is not None:
            self._enter_loop()
            await self._client.aclose()

    def _enter_loop(self) -> None:
        """Replace a client of ours whose connections belong to another event loop.

        That loop may have ended, or it runs in the parent of this process.
        """
        loop = current_loop()
        if self._new_client is not None and self._loop not in {None, loop}:
            self._left.append(self._client)  # it would close its connections when collected
            self._use(self._new_client())
        self._loop = loop

    _encode = staticmethod(encode)

    async def _send(self, parcels: Sequence[Parcel[Entry]]) -> tuple[int, Exception | None]:
        self._enter_loop()
        entries = [parcel.content for parcel in parcels]
        try:
            confirmed, *parts = await self._script(
                keys=keys_of(self._stream, entries, remembered=self._remembered),
                args=[*self._arguments, b"[" + b",".join(fields for _, fields in entries) + b"]"],
            )
        except CLIENT_ERRORS as error:
            return 0, caused(await self._failure(problem_of_client(error)), error)
        problem = problem_of(parts)
        if problem is None:
            return confirmed, None
        return confirmed, await self._failure(problem, parcels[confirmed])

    async def _failure(self, problem: Problem, parcel: Parcel[Entry] | None = None) -> Exception:
        """Return the exception to raise for a problem with a parcel, or with connecting."""
        if problem.answer == MISSING:
            return StreamMissingError(self._stream, _ADVICE.format(stream=self._stream))
        meaning, text = explain(problem, self._stream)
        if meaning is Meaning.RECONNECT:
            # A client for a cluster has no such pool, and finds the other nodes by itself.
            pool = getattr(self._client, "connection_pool", None)
            if pool is not None:
                await pool.disconnect(inuse_connections=False)
        return failure_of(meaning, text, parcel and parcel.message)
