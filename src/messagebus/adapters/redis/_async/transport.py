"""The transport to a Redis stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError, StreamMissingError, TransportUnavailableError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport.encoding import Parcel, caused
from ..._transport.meaning import Meaning, failure_of
from ..._transport.partitions import partition_of
from .._compat.aio import AsyncRedis, AsyncRedisCluster
from ..append import MISSING, MOST_ENTRIES, PROBE, SCRIPT, Entry, encode, keys_of
from ..errors import CLIENT_ERRORS, Problem, explain, place_of, problem_of, problem_of_client
from ..options import TRANSPORT, read_url
from ..streams import streams_of
from .client import AsyncClient

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
        partitions: the number of streams among which ordering keys divide the messages. Of more
            than one, the keys are `<stream>.0`, `<stream>.1` and so on; those with the same
            ordering key stay in order, and those without one are in the first stream.
        create: create a stream with its first message instead of failing without it.
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

    system: str = "redis"

    def __init__(
        self,
        client: AsyncRedis | AsyncRedisCluster | AsyncClient,
        stream: str,
        *,
        partitions: int = 1,
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
        self._streams = streams_of(stream, partitions)
        self.destination: str | None = stream
        self._create = create
        self._remembered = deduplicate_for > 0
        remember_for = max(round(deduplicate_for * 1000), 1)
        oldest = round((max_age or 0) * 1000)
        self._arguments = (remember_for, int(create), max_length or 0, oldest)  # of the script
        self._trims = bool(max_length or oldest)
        self._client = client if isinstance(client, AsyncClient) else AsyncClient(client)
        self._script = self._client.latest.register_script(SCRIPT)
        self._probe = self._client.latest.register_script(PROBE)

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
        address, found, settings = read_url(url, TRANSPORT)
        options = {"timeout": 5.0, **found, **options}
        if "stream" not in options:
            problem = "A transport to Redis needs a stream: add ?stream=events to the URL"
            raise ConfigurationError(problem)
        return cls(AsyncClient.of_url(address, options.pop("timeout"), settings), **options)

    async def connect(self) -> None:
        """Connect, and check the user, its rights and the key of the stream.

        Raises:
            TransportRefusedError: the server refuses the user, the user lacks a right, or the key
                does not hold a stream.
            StreamMissingError: there is no stream, and the transport does not create it.
            TransportUnavailableError: the server cannot be reached, or takes no writes now.
        """
        client = self._client.current()
        flags = (int(self._create), int(self._remembered), int(self._trims))
        for stream in self._streams:
            keys = [stream, f"{place_of(stream)}:"]
            try:
                await client.script_load(SCRIPT)
                problem = problem_of(await self._probe(keys=keys, args=flags, client=client))
            except CLIENT_ERRORS as error:
                raise await self._failure(stream, problem_of_client(error)) from error
            if problem is not None:
                raise await self._failure(stream, problem)

    async def close(self) -> None:
        """Close the connections, unless the client was given to the transport."""
        await self._client.close()

    _encode = staticmethod(encode)

    async def _send(self, parcels: Sequence[Parcel[Entry]]) -> tuple[int, Exception | None]:
        confirmed, failure = len(parcels), None
        # Each partition has a stream, and each stream may be on another node of a cluster.
        numbers_of: dict[int, list[int]] = {}
        for number, parcel in enumerate(parcels):
            partition = partition_of(parcel.message, len(self._streams))
            numbers_of.setdefault(partition, []).append(number)
        for partition, numbers in numbers_of.items():
            if isinstance(failure, TransportUnavailableError):
                confirmed = min(confirmed, numbers[0])
                continue
            stream = self._streams[partition]
            sent, problem = await self._append(stream, [parcels[number] for number in numbers])
            if problem is not None and numbers[sent] < confirmed:
                confirmed, failure = numbers[sent], problem
        return confirmed, failure

    async def _append(
        self, stream: str, parcels: Sequence[Parcel[Entry]]
    ) -> tuple[int, Exception | None]:
        client = self._client.current()
        entries = [parcel.content for parcel in parcels]
        try:
            confirmed, *parts = await self._script(
                keys=keys_of(stream, entries, remembered=self._remembered),
                args=[*self._arguments, b"[" + b",".join(fields for _, fields in entries) + b"]"],
                client=client,
            )
        except CLIENT_ERRORS as error:
            return 0, caused(await self._failure(stream, problem_of_client(error)), error)
        problem = problem_of(parts)
        if problem is None:
            return confirmed, None
        return confirmed, await self._failure(stream, problem, parcels[confirmed])

    async def _failure(
        self, stream: str, problem: Problem, parcel: Parcel[Entry] | None = None
    ) -> Exception:
        """Return the exception to raise for a problem with a parcel, or with connecting."""
        if problem.answer == MISSING:
            return StreamMissingError(stream, _ADVICE.format(stream=stream))
        meaning, text = explain(problem, stream)
        if meaning is Meaning.RECONNECT:
            await self._client.drop()
        return failure_of(meaning, text, parcel and parcel.message)
