"""A message as a source delivers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Position(NamedTuple):
    """The position of a message in a log, which stays the same when it is delivered again.

    Attributes:
        log: the name of the log, by the system, the stream and the partition; at most 300
            characters.
        offset: the number of the message, of 64 bits; each is greater than that of the message
            before it.
    """

    log: str
    offset: int


@dataclass(slots=True, eq=False)  # frozen, it would take three times as long to create
class Delivery:
    """A message as a source delivers it, readable or not.

    Attributes:
        wire: the wire message, with the keys of *WireMessage*, as the sender gave it to its
            transport; None if the source cannot read it. Its values are not checked.
        body: the body, byte for byte as the broker holds it.
        headers: what the broker holds beside the body.
        origin: where the message comes from, for people: the system, the stream or queue, and
            the position where there is one that stays the same when it is delivered again.
        partition: the number of the partition that it comes from.
        redelivered: whether it was delivered before; None if the broker does not tell, and the
            inbox finds out by its *position*.
        receipt: what the source needs to settle it.
        position: its position in a log; needed only if *redelivered* is None.
    """

    wire: Mapping[str, Any] | None
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    partition: int = 0
    redelivered: bool | None = None
    receipt: Any = None
    position: Position | None = None
