"""A message on its way to a broker, in the form that goes over the wire."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ...exceptions import MessageRejectedError

T = TypeVar("T")

# What is sent between two confirmations: enough that waiting for them costs nothing, little enough
# that a server is not kept from others, and that not much has to be sent again.
MOST_MESSAGES = 500
MOST_BYTES = 4 * 1024 * 1024

FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 1.0

# Made once: json.dumps makes an encoder for each value.
_plain, _escaped = (
    json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":")).encode
    for ascii_only in (False, True)
)


@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    """A message that is ready to be sent.

    Attributes:
        message: what the serializer made of the message.
        content: what the broker gets.
        size: the bytes of the content.
    """

    message: Mapping[str, Any]
    content: T
    size: int


def pack(
    messages: Sequence[Mapping[str, Any]], encode: Callable[[Mapping[str, Any]], Parcel[T]]
) -> tuple[list[Parcel[T]], MessageRejectedError | None]:
    """Encode the messages up to the first that can not be encoded; return its error as well."""
    parcels: list[Parcel[T]] = []
    for message in messages:
        try:
            parcels.append(encode(message))
        except (TypeError, ValueError) as error:
            if isinstance(error, MessageRejectedError):
                return parcels, error
            rejection = MessageRejectedError(message, f"it can not be encoded: {error}")
            rejection.__cause__ = error
            return parcels, rejection
    return parcels, None


def bundle(parcels: Sequence[Parcel[T]], start: int) -> Sequence[Parcel[T]]:
    """Return the parcels from number *start* on that are sent together."""
    end, size = start, 0
    while end < len(parcels) and end - start < MOST_MESSAGES:
        size += parcels[end].size
        if size > MOST_BYTES and end > start:
            break
        end += 1
    return parcels[start:end]


def id_of(message: Mapping[str, Any]) -> str:
    """Return the identifier by which a broker knows the message again; empty if it has none.

    Raises:
        TypeError: it is not a text, and JSON has nothing like it.
        ValueError: it is a number that JSON does not have, or contains one.
    """
    id = message.get("id")
    return "" if id is None else text_of(id)


def text_of(value: Any) -> str:
    """Return a text as it is, and anything else as JSON.

    Raises:
        TypeError: JSON has nothing like it.
        ValueError: it is a number that JSON does not have, or contains one.
    """
    return value if isinstance(value, str) else json_of(value)


def json_of(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as JSON, on one line, with its characters as they are or escaped.

    Raises:
        TypeError: JSON has nothing like it.
        ValueError: it is a number that JSON does not have, or contains one.
    """
    return _escaped(value) if ascii_only else _plain(value)


def pauses(patience: float) -> Iterator[float]:
    """Yield how long to wait before each further attempt, until *patience* seconds have passed.

    The pauses double; each is longer by chance, so that not all clients of a server that comes
    back arrive at once.
    """
    deadline = time.monotonic() + patience
    pause = FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        yield min(left, pause * random.uniform(1, 1.5))
        pause = min(pause * 2, LONGEST_PAUSE)
