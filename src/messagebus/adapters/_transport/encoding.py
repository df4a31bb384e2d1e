"""The encoding of messages for a broker, and their division into bundles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic_core import to_json

from ...exceptions import MessageRejectedError

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

# The limits of a bundle: large enough that waiting for its confirmation costs little, small enough
# that a server stays free for others and that little is sent again after a failure.
MOST_MESSAGES = 500
MOST_BYTES = 4 * 1024 * 1024

# Created once: json.dumps creates an encoder for each call.
_plain, _escaped = (
    json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":")).encode
    for ascii_only in (False, True)
)

_PLAIN = {str, NoneType}  # the types of the values in what a relay sends


class Parcel(NamedTuple, Generic[T]):
    """A message with its encoding.

    Attributes:
        message: the serialized message.
        content: its encoding for the broker.
        size: the size of the content, in bytes.
    """

    message: Mapping[str, Any]
    content: T
    size: int


def pack(
    messages: Sequence[Mapping[str, Any]], encode: Callable[[Mapping[str, Any]], Parcel[T]]
) -> tuple[list[Parcel[T]], MessageRejectedError | None]:
    """Encode messages up to the first that cannot be encoded; return its error as well."""
    parcels: list[Parcel[T]] = []
    for message in messages:
        try:
            parcels.append(encode(message))
        except MessageRejectedError as error:
            return parcels, error
        except (TypeError, ValueError) as error:
            rejection = MessageRejectedError(message, f"it cannot be encoded: {error}")
            return parcels, caused(rejection, error)
    return parcels, None


def caused(failure: E, cause: BaseException) -> E:
    """Return an error with its cause, as ``raise ... from`` would set it."""
    failure.__cause__ = cause
    return failure


def bundle(parcels: Sequence[Parcel[T]], start: int) -> Sequence[Parcel[T]]:
    """Return the bundle that begins with parcel number *start*."""
    end, size = start, 0
    while end < len(parcels) and end - start < MOST_MESSAGES:
        size += parcels[end].size
        if size > MOST_BYTES and end > start:
            break
        end += 1
    return parcels[start:end]


def id_of(message: Mapping[str, Any]) -> str:
    """Return the identifier by which a broker recognizes a message; empty if it has none.

    Raises:
        TypeError: it is not a string and JSON cannot express it.
        ValueError: it is, or contains, a number that JSON cannot express.
    """
    id = message.get("id")
    return "" if id is None else string_of(id)


def string_of(value: Any) -> str:
    """Return a string unchanged, and any other value as JSON.

    Raises:
        TypeError: JSON cannot express the value.
        ValueError: the value is, or contains, a number that JSON cannot express.
    """
    if isinstance(value, str):
        return value
    return "null" if value is None else json_of(value)


def json_bytes_of(message: Mapping[str, Any]) -> bytes:
    """Return a message as JSON on one line, in UTF-8.

    Raises:
        TypeError: JSON cannot express a value.
        ValueError: JSON cannot express a value, or a string is not valid Unicode.
    """
    content = dict(message)
    # Pydantic is five times as fast, but writes what JSON cannot express, in a form of its own.
    if _PLAIN.issuperset(map(type, content.values())) and _PLAIN.issuperset(map(type, content)):
        return to_json(content)
    return _plain(content).encode()


def json_of(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as JSON on one line; escape characters beyond ASCII if *ascii_only*.

    Raises:
        TypeError: JSON cannot express the value.
        ValueError: the value is, or contains, a number that JSON cannot express.
    """
    return _escaped(value) if ascii_only else _plain(value)
