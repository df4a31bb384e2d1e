"""Appending messages to a Redis stream: the script, and the encoding of its arguments.

A bundle is one call of a script, so the server runs it as a whole or not at all, and reports the
message at which it stopped. The script looks for the key that remembers a message before it
appends, and sets the key afterwards: a failure in between can duplicate a message, never lose it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...exceptions import MessageRejectedError
from .._transport.encoding import Parcel, id_of, json_of, string_of

Entry = tuple[str, bytes]
"""The identifier of a message, empty if it has none, and its fields as a JSON array in which
names and values alternate."""

MOST_ENTRIES = 2**53  # Lua counts in floats
MOST_FIELDS = 1_000
MOST_BYTES = 512 * 1024 * 1024 - 2  # the longest argument, without the brackets of the array

# KEYS: the stream; for each message the key that remembers it, or the stream again if it has none.
# ARGV: the milliseconds to remember; 1 to create the stream; the length and the age in
# milliseconds to trim to, or 0; the array of the messages. The array is one JSON argument because
# the C libraries on both sides parse it many times faster than a client packs one argument for
# each field.
# Returns how many messages are in the stream now, and why the next one is not.
SCRIPT = """
local function append(fields)
  if ARGV[2] == '1' then
    return redis.pcall('XADD', KEYS[1], '*', unpack(fields))
  end
  return redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(fields))
end

for number, fields in ipairs(cjson.decode(ARGV[5])) do
  local key = KEYS[number + 1]
  local remember = key ~= KEYS[1]
  if not (remember and redis.call('EXISTS', key) == 1) then
    local entry = append(fields)
    if not entry then
      return {number - 1, 'missing'}
    elseif type(entry) == 'table' then
      return {number - 1, entry.err}
    elseif remember then
      redis.call('SET', key, entry, 'PX', ARGV[1])
    end
  end
end
if ARGV[3] ~= '0' then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[3])
end
if ARGV[4] ~= '0' then
  local now = redis.call('TIME')
  local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[4]
  redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
end
return {#KEYS - 1, ''}
"""


def encode(message: Mapping[str, Any]) -> Parcel[Entry]:
    """Encode a message as a stream entry: each key a field, each value a string.

    Raises:
        MessageRejectedError: the message has no field, too many, or too much content.
        TypeError: JSON cannot express a value.
        ValueError: JSON cannot express a value, or a string is not valid Unicode.
    """
    if not 0 < len(message) <= MOST_FIELDS:
        raise MessageRejectedError(message, f"an entry cannot have {len(message)} fields")
    fields = json_of([string_of(part) for item in message.items() for part in item]).encode()
    size = len(fields)
    if size > MOST_BYTES:
        reason = f"its {size} bytes of JSON exceed the limit of {MOST_BYTES}"
        raise MessageRejectedError(message, reason)
    return Parcel(message, (id_of(message), fields), size)


def keys_of(stream: str, entries: Sequence[Entry], *, remembered: bool) -> list[str]:
    """Return the keys for the script.

    In a cluster, the stream and the keys that remember its messages must be on one node. The part
    of a key between braces decides the node.
    """
    place = stream if "{" in stream else f"{{{stream}}}"
    return [stream, *(f"{place}:{id}" if id and remembered else stream for id, _ in entries)]
