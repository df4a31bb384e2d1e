"""Entries of Redis streams as a client returns them, and the deliveries that they become."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ...inbox.delivery import Delivery

_BODY = b"payload"
_NULLABLE = "causation_id"


Entry = tuple[bytes, Mapping[bytes, bytes]]
"""The identifier of an entry, and its fields."""


class Place(NamedTuple):
    """The place of an entry.

    Attributes:
        partition: the number of the partition.
        time: the first part of the identifier, in milliseconds.
        number: the second part of the identifier.
    """

    partition: int
    time: int
    number: int

    @classmethod
    def of(cls, partition: int, id: bytes | str) -> Place:
        """Return the place of an entry with an identifier."""
        time, _, number = (id.decode() if isinstance(id, bytes) else id).partition("-")
        return cls(partition, int(time), int(number))

    @property
    def id(self) -> str:
        """The identifier of the entry."""
        return f"{self.time}-{self.number}"


def replies_of(reply: Any) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the key of each stream in the reply to XREADGROUP, with its entries.

    The shape of the reply depends on the version of the protocol and of the client.
    """
    for key, entries in reply.items() if isinstance(reply, Mapping) else reply or ():
        if len(entries) == 1 and isinstance(entries[0], list):
            entries = entries[0]
        yield key.decode() if isinstance(key, bytes) else key, entries


def unpacked(lengths: bytes, strings: bytes) -> list[Entry]:
    """Return entries as a script packs them.

    Args:
        lengths: numbers of four bytes, the lowest one first. For each entry, the number of its
            names and values; then the lengths of its identifier, and of each name and value.
        strings: the identifiers, names and values, one after the other.
    """
    numbers = iter(struct.unpack(f"<{len(lengths) // 4}I", lengths))
    entries: list[Entry] = []
    begin = 0
    for count in numbers:
        parts: list[bytes] = []
        for length in islice(numbers, count + 1):
            parts.append(strings[begin : begin + length])
            begin += length
        entries.append((parts[0], dict(zip(parts[1::2], parts[2::2], strict=True))))
    return entries


def delivery_of(
    stream: str, place: Place, fields: Mapping[bytes, bytes], redelivered: bool
) -> Delivery:
    """Return the delivery of an entry, with its payload as the body.

    If it has no payload, or anything else in it is no text, the body is all of it, as the strings
    of Redis' protocol.
    """
    wire: dict[str, Any] | None = None
    others = {name: value for name, value in fields.items() if name != _BODY}
    try:
        headers = {name.decode(): value.decode() for name, value in others.items()}
        body = fields[_BODY]
    except (UnicodeDecodeError, KeyError):
        headers = {}
        parts = [part for item in fields.items() for part in item]
        body = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    else:
        try:
            wire = {**headers, "payload": body.decode()}
        except UnicodeDecodeError:
            wire = None
        else:
            # A transport writes what is no string as JSON; in a wire message, only this may be.
            if wire.get(_NULLABLE) == "null":
                wire[_NULLABLE] = None
    return Delivery(
        wire=wire,
        body=body,
        headers=headers,
        origin=f"redis {stream} {place.id}",
        partition=place.partition,
        redelivered=redelivered,
        receipt=place,
    )
