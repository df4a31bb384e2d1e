"""Wire messages as records: the payload is the value, and everything else a header."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...exceptions import MessageRejectedError
from .._transport.encoding import Parcel, json_of

Headers = Sequence[tuple[str, bytes | None]]

# Names, separated by line breaks, of what is JSON because it is neither a string nor None.
AS_JSON = "messagebus-json"
_PAYLOAD = "payload"


class Record(NamedTuple):
    """A record of Kafka.

    Attributes:
        key: what decides its partition; None for the first one.
        value: the payload; None if the message has none.
        headers: everything else.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers


def encode(message: Mapping[str, Any]) -> Parcel[Record]:
    """Encode a message as a record.

    Raises:
        MessageRejectedError: a key of the message cannot be the name of a header.
        TypeError: JSON cannot express a value.
        ValueError: JSON cannot express a value, or a string is not valid Unicode.
    """
    headers: list[tuple[str, bytes | None]] = []
    value: bytes | None = None
    as_json: list[str] = []
    for name, content in message.items():
        if name == AS_JSON or "\0" in name or "\n" in name:
            raise MessageRejectedError(message, f"{name!r} cannot be the name of a header")
        if isinstance(content, str):
            encoded: bytes | None = content.encode()
        elif content is None and name != _PAYLOAD:
            encoded = None
        else:
            encoded = json_of(content).encode()
            as_json.append(name)
        if name == _PAYLOAD:
            value = encoded
        else:
            headers.append((name, encoded))
    if as_json:
        headers.append((AS_JSON, "\n".join(as_json).encode()))
    ordering_key = message.get("ordering_key")
    key = None if ordering_key is None else str(ordering_key).encode()
    size = len(value or b"") + sum(len(name) + len(each or b"") for name, each in headers)
    return Parcel(message, Record(key, value, headers), size)


def decode(value: bytes | None, headers: Headers) -> dict[str, Any]:
    """Return the message of a record, as it was before it was encoded.

    Raises:
        ValueError: the record is none that *encode* would make.
    """
    content = dict(headers)
    as_json = content.pop(AS_JSON, None)
    if value is not None:
        content[_PAYLOAD] = value
    message: dict[str, Any] = {
        name: None if each is None else each.decode() for name, each in content.items()
    }
    if as_json is not None:
        for name in message.keys() & set(as_json.decode().split("\n")):
            message[name] = json.loads(message[name] or "")
    return message
