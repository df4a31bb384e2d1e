"""The consumer group of a source, as commands to the server."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from typing import Any

from redis.client import NEVER_DECODE

from ...._compat.waits.aio import sleep
from ....exceptions import StreamMissingError
from ..._transport.meaning import Meaning, failure_of
from ..entries import Entry, replies_of, unpacked
from ..errors import CLIENT_ERRORS, READING, explain, place_of, problem_of_client
from .client import AsyncClient

BEGINNING = "0-0"
_END = "18446744073709551615-18446744073709551615"

_ADVICE = (
    "Create it together with the group, `XGROUP CREATE {stream} {group} 0 MKSTREAM`, or let the "
    "source do it with create=True."
)
_FOREVER = 2**53  # milliseconds
_LEFT = 3_600_000  # milliseconds after which a member that holds nothing is forgotten
_RAW: dict[str, Any] = {NEVER_DECODE: []}  # the bytes, whatever the client would make of them

# One script, because a member that reads between two commands would lose what it holds.
# KEYS: the stream. ARGV: the group, and the milliseconds.
_FORGET = """
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local member = {}
  for place = 1, #flat, 2 do
    member[flat[place]] = flat[place + 1]
  end
  if member.pending == 0 and member.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], member.name)
  end
end
"""

# A process that was frozen while its lease ran out must not read on: the next holder, which has
# taken over what was read, would never see it. Check and read are one step of the server.
# KEYS: the stream, and the key that names the holder. ARGV: the group, the member, the limit.
# Returns the entries, packed as *unpacked* describes: the client takes longer for the eleven
# strings of an entry than for all else. If there is nothing to read, returns the last identifier of
# the stream; to whoever is not the holder, an empty table.
_READ = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return {}
end
local reply = redis.call(
  'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
if not reply then
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', '1')
  return last[1] and last[1][1] or '0-0'
end
local lengths, strings = {}, {}
for _, entry in ipairs(reply[1][2]) do
  lengths[#lengths + 1] = struct.pack('<I4', #entry[2])
  table.insert(entry[2], 1, entry[1])
  for _, each in ipairs(entry[2]) do
    lengths[#lengths + 1] = struct.pack('<I4', #each)
    strings[#strings + 1] = each
  end
end
return {table.concat(lengths), table.concat(strings)}
"""


class AsyncGroup:
    """The consumer group of a source.

    Args:
        client: the client.
        name: the name of the group.
    """

    def __init__(self, client: AsyncClient, name: str) -> None:
        self._client = client
        self._name = name
        self.enter_process()
        self._forget = client.latest.register_script(_FORGET)

    def enter_process(self) -> None:
        """Become another member: what a forked process inherits belongs to its parent."""
        self._pid = os.getpid()
        self._member = f"{socket.gethostname()}-{self._pid}-{uuid.uuid4().hex[:8]}"

    @property
    def is_inherited(self) -> bool:
        """Whether this is another process than the one that the member belongs to."""
        return self._pid != os.getpid()

    async def open(self, stream: str, create: bool) -> None:
        """Create the group if there is none, and try the commands that reading needs.

        Raises:
            StreamMissingError: there is no stream, and *create* is False.
            TransportRefusedError: the user lacks a right, or the key holds something else.
            TransportUnavailableError: the server cannot be reached.
        """
        create_group = ["XGROUP", "CREATE", stream, self._name, "0"]
        try:
            await self._execute(*create_group, *(["MKSTREAM"] if create else []))
        except CLIENT_ERRORS as error:
            answer = problem_of_client(error).answer
            if "requires the key to exist" in answer:
                advice = _ADVICE.format(stream=stream, group=self._name)
                raise StreamMissingError(stream, advice) from error
            if "BUSYGROUP" not in answer:
                raise await self._failure(stream, error) from error
        # Without an effect: no entry has these identifiers, and none has waited for so long.
        await self.acknowledge(stream, [BEGINNING])
        await self.touch(stream, [BEGINNING], 0.0)
        await self.claim(stream, _END, 1, _FOREVER)
        reading = ["XREADGROUP", "GROUP", self._name, self._member, "COUNT", 1]
        await self._run(stream, *reading, "STREAMS", stream, BEGINNING)
        try:
            client = self._client.current()
            await self._forget(keys=[stream], args=[self._name, _LEFT], client=client)
        except CLIENT_ERRORS as error:
            raise await self._failure(stream, error) from error

    async def read(
        self, streams: Sequence[str], count: int, block: float
    ) -> list[tuple[str, list[Entry]]]:
        """Read entries that nobody was given, up to *count* of each stream.

        Args:
            streams: the keys of the streams.
            count: the most entries of each stream.
            block: how long to wait for the first, in seconds.
        """
        milliseconds = int(block * 1000)
        waiting = ["BLOCK", milliseconds] if milliseconds else []
        reply = await self._run(
            streams[0],
            *("XREADGROUP", "GROUP", self._name, self._member, "COUNT", count, *waiting),
            *("STREAMS", *streams, *(">" for _ in streams)),
        )
        return list(replies_of(reply))

    async def hold(self, stream: str) -> None:
        """Keep all others from reading a stream as its holder."""
        await self._run(stream, "SET", self._holder_key(stream), self._member)

    async def read_as_holder(
        self, streams: Sequence[str], count: int, block: float
    ) -> list[tuple[str, list[Entry]]]:
        """Read as *read* does, but only from the streams that nobody else holds by now."""
        found: list[tuple[str, list[Entry]]] = []
        empty: dict[str, bytes] = {}
        for stream in streams:
            keys = [stream, self._holder_key(stream)]
            words = ["EVAL", _READ, len(keys), *keys, self._name, self._member, count]
            reply = await self._run(stream, *words)
            if isinstance(reply, bytes):
                empty[stream] = reply
            elif reply:
                found.append((stream, unpacked(*reply)))
        milliseconds = int(block * 1000)
        if found or not milliseconds:
            return found
        if not empty:
            await sleep(block)
            return found
        waiting = ["XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", *empty, *empty.values()]
        if await self._run(next(iter(empty)), *waiting):
            return await self.read_as_holder([*empty], count, 0.0)
        return found

    def _holder_key(self, stream: str) -> str:
        return f"{place_of(stream)}:holder:{self._name}"

    async def claim(
        self, stream: str, start: str, count: int, idle: int
    ) -> tuple[str, list[Entry], list[str]]:
        """Claim entries that somebody was given, in order.

        Args:
            stream: the key of the stream.
            start: where to begin.
            count: the most entries.
            idle: how long nothing must have happened to them, in milliseconds.

        Returns:
            Where to go on, the entries, and the identifiers of those that the stream has lost.
        """
        words = ["XAUTOCLAIM", stream, self._name, self._member, idle, start, "COUNT", count]
        cursor, entries, *rest = await self._run(stream, *words)
        lost = [id.decode() for id in rest[0]] if rest else []
        return cursor.decode(), [each for each in entries if each[0] is not None], lost

    async def acknowledge(self, stream: str, ids: Sequence[str]) -> None:
        """Remove entries from what the group holds."""
        await self._run(stream, "XACK", stream, self._name, *ids)

    async def touch(self, stream: str, ids: Sequence[str], idle: float) -> None:
        """Make it so that nothing has happened to entries for *idle* seconds."""
        await self._run(
            stream,
            *("XCLAIM", stream, self._name, self._member, 0, *ids),
            *("IDLE", round(idle * 1000), "JUSTID"),
            parse_justid=True,
        )

    async def _run(self, stream: str, *words: Any, **options: Any) -> Any:
        try:
            return await self._execute(*words, **options)
        except CLIENT_ERRORS as error:
            raise await self._failure(stream, error) from error

    async def _execute(self, *words: Any, **options: Any) -> Any:
        return await self._client.current().execute_command(*words, **_RAW, **options)

    async def _failure(self, stream: str, error: Exception) -> Exception:
        meaning, text = explain(problem_of_client(error), stream, READING)
        if meaning is Meaning.RECONNECT:
            await self._client.drop()
        return failure_of(meaning, text, None)
