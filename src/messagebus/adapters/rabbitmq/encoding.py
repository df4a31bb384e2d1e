"""The AMQP form of a wire message: its payload as the body, the rest beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractMessage

from ...exceptions import MessageRejectedError
from .._transport.encoding import json_of

_PROPERTIES = {"id": "message_id", "type": "type", "correlation_id": "correlation_id"}
_LONGEST = 255  # bytes of a property, or of the name of a header
_MOST = 100_000  # bytes; all headers must fit into one frame, of 128 KiB by default
_AS_JSON = "json:"
_WITHOUT = "without:"
_BROKER = "x-"  # what the broker adds, such as x-delivery-count
_RESERVED = (_AS_JSON, _WITHOUT, _BROKER)


class Envelope(NamedTuple):
    """A message as it is published.

    Attributes:
        routing_key: what the exchange routes it by.
        message: its body, properties and headers.
    """

    routing_key: str
    message: Message


def encode(wire: Mapping[str, Any]) -> tuple[Message, int]:
    """Return the AMQP message of a wire message, and its size in bytes.

    Strings and None are headers as they are, and other values as JSON under a name that says so.

    Raises:
        MessageRejectedError: its headers are too long.
        TypeError: a value cannot be expressed.
        ValueError: a value cannot be expressed.
    """
    payload = wire.get("payload")
    body = payload.encode() if isinstance(payload, str) else b""
    properties: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    size = 0
    for key, value in wire.items():
        if key == "payload" and isinstance(value, str):
            continue
        plain = (value is None or isinstance(value, str)) and not key.startswith(_RESERVED)
        text = value if plain else json_of(value)
        length = len((text or "").encode())
        if key in _PROPERTIES and value and plain and length <= _LONGEST:
            properties[_PROPERTIES[key]] = value
        else:
            headers[key if plain else f"{_AS_JSON}{key}"] = text
        size += len(key.encode()) + length + 16
    for key in ("id", "payload"):
        if key not in wire:  # the client gives every message an identifier, and a body
            headers[f"{_WITHOUT}{key}"] = None
    if size > _MOST:
        reason = f"what is beside its payload has {size} bytes; the limit is {_MOST}"
        raise MessageRejectedError(wire, reason)
    if name := next((each for each in headers if len(each.encode()) > _LONGEST), None):
        raise MessageRejectedError(wire, f"the name of its key {name!r} is too long for a header")
    message = Message(body, headers=headers, delivery_mode=DeliveryMode.PERSISTENT, **properties)
    return message, size + len(body)


def decode(message: AbstractMessage) -> dict[str, Any]:
    """Return the wire message of an AMQP message, as it was given to *encode*.

    Raises:
        ValueError: the body is no text, or a header that should be JSON is none.
    """
    headers = dict(message.headers)
    wire: dict[str, Any] = {}
    for key, name in _PROPERTIES.items():
        value = getattr(message, name)
        if value is not None:
            wire[key] = value
    wire["payload"] = message.body.decode()
    for name, value in headers.items():
        if name.startswith(_AS_JSON):
            wire[name.removeprefix(_AS_JSON)] = json.loads(str(value))
        elif name.startswith(_WITHOUT):
            wire.pop(name.removeprefix(_WITHOUT), None)
        elif not name.startswith(_BROKER):
            wire[name] = value
    return wire
