"""Appending messages to a Redis stream: the script, and the encoding of its arguments.

A bundle is one call of a script, so the server runs it as a whole or not at all, and reports the
message at which it stopped. The script sets the key that remembers a message before it appends the
message, so that nothing is appended that cannot be remembered. If it cannot append, it empties the
key: an empty key remembers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from ...exceptions import MessageRejectedError
from .._transport.encoding import Parcel, id_of, string_of
from .errors import place_of

Entry = tuple[str, bytes]
"""The identifier of a message, empty if it has none, and its fields as a JSON array in which
names and values alternate."""

MISSING = "missing"  # what the scripts answer without a stream
MOST_ENTRIES = 2**53  # Lua counts in floats
MOST_FIELDS = 1_000
MOST_BYTES = 512 * 1024 * 1024 - 2  # the longest argument, without the brackets of the array

# KEYS: the stream; for each message the key that remembers it, or the stream again if it has none.
# ARGV: the milliseconds to remember; 1 to create the stream; the length and the age in
# milliseconds to trim to, or 0; the array of the messages. The array is one JSON argument because
# the C libraries on both sides parse it many times faster than a client packs one argument for
# each field.
# Returns how many messages are in the stream now, and why the next one is not: the error, its
# command and key, and the type of what the key holds if that is wrong. An empty error means that
# there is no next one.
# Every command is a pcall: the texts of other errors differ from version to version.
SCRIPT = """
local stream = KEYS[1]

local function failed(reply)
  return type(reply) == 'table' and reply.err
end

local function report(number, reply, command, key)
  local found = ''
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    found = redis.pcall('TYPE', key).ok or ''
  end
  return {number, reply.err, command, key, found}
end

local function trim()
  local reply, command = {}, 'XTRIM'
  if ARGV[3] ~= '0' then
    reply = redis.pcall('XTRIM', stream, 'MAXLEN', '~', ARGV[3])
  end
  if ARGV[4] ~= '0' and not failed(reply) then
    local now = redis.pcall('TIME')
    if failed(now) then
      reply, command = now, 'TIME'
    else
      local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[4]
      reply = redis.pcall('XTRIM', stream, 'MINID', '~', string.format('%.0f', oldest))
    end
  end
  return reply, command
end

local function append(fields)
  if ARGV[2] == '1' then
    return redis.pcall('XADD', stream, '*', unpack(fields))
  end
  return redis.pcall('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
end

-- Before as well as after: what can never be trimmed must not grow.
local trimmed, command = trim()
if failed(trimmed) then
  return report(0, trimmed, command, stream)
end
for number, fields in ipairs(cjson.decode(ARGV[5])) do
  local key = KEYS[number + 1]
  local known, remember = false, key ~= stream
  if remember then
    local set = redis.pcall('SET', key, '1', 'PX', ARGV[1], 'NX')
    if not set then
      local value = redis.pcall('GET', key)
      if failed(value) then
        return report(number - 1, value, 'GET', key)
      end
      known = value ~= ''
      if not known then
        set = redis.pcall('SET', key, '1', 'PX', ARGV[1])
      end
    end
    if failed(set) then
      return report(number - 1, set, 'SET', key)
    end
  end
  if not known then
    local entry = append(fields)
    if not entry or failed(entry) then
      if remember then
        redis.pcall('SET', key, '', 'PX', 1)
      end
      return report(number - 1, entry or {err = 'missing'}, 'XADD', stream)
    end
  end
end
trim()
return {#KEYS - 1, '', '', '', ''}
"""

# What sending needs, without an effect: no entry has the identifier 0-0, and none is older than 0.
# KEYS: the stream; the key that would remember a message without an identifier.
# ARGV: 1 if the stream is created with the first message; 1 if messages are remembered; 1 if the
# stream is trimmed.
# Returns the error, its command and key, and the type of what the key holds.
PROBE = """
local stream, mark = KEYS[1], KEYS[2]
local kind = redis.pcall('TYPE', stream)
if kind.err then
  return {kind.err, 'TYPE', stream, ''}
elseif kind.ok ~= 'stream' and kind.ok ~= 'none' then
  local answer = 'WRONGTYPE Operation against a key holding the wrong kind of value'
  return {answer, 'TYPE', stream, kind.ok}
end
local calls = {{'XADD', stream, '0-0', 'field', ''}}
if ARGV[2] == '1' then
  table.insert(calls, {'SET', mark, '', 'PX', 1})
  table.insert(calls, {'GET', mark})
end
if ARGV[3] == '1' then
  table.insert(calls, {'XTRIM', stream, 'MINID', '0'})
  table.insert(calls, {'TIME'})
end
for _, call in ipairs(calls) do
  local reply = redis.pcall(unpack(call))
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'than 0-0', 1, true) then
    return {reply.err, call[1], call[2] or stream, ''}
  end
end
if kind.ok == 'none' and ARGV[1] ~= '1' then
  return {'missing', '', stream, ''}
end
return {'', '', '', ''}
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
    fields = to_json([string_of(part) for item in message.items() for part in item])
    size = len(fields)
    if size > MOST_BYTES:
        reason = f"its {size} bytes of JSON exceed the limit of {MOST_BYTES}"
        raise MessageRejectedError(message, reason)
    return Parcel(message, (id_of(message), fields), size)


def keys_of(stream: str, entries: Sequence[Entry], *, remembered: bool) -> list[str]:
    """Return the keys for the script."""
    place = place_of(stream)
    return [stream, *(f"{place}:{id}" if id and remembered else stream for id, _ in entries)]
