"""A message as JetStream gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._transport.encoding import Parcel, id_of, json_of
from .subject import SubjectTemplate


@dataclass(frozen=True, slots=True)
class Letter:
    """What is published.

    Attributes:
        subject: where to.
        body: the message as JSON.
        headers: what JetStream has to know about it.
    """

    subject: str
    body: bytes
    headers: dict[str, str]


def encode(message: Mapping[str, Any], subject: SubjectTemplate, stream: str) -> Parcel[Letter]:
    """Turn a message into a letter for a stream.

    Raises:
        MessageRejectedError: it has no subject.
        TypeError: a value can not be written as JSON.
        ValueError: a value can not be written as JSON, or a text is not Unicode.
    """
    body = json_of(dict(message)).encode()
    headers = {"Nats-Expected-Stream": stream}
    if id := id_of(message):
        headers["Nats-Msg-Id"] = quote(id, safe="")  # a header takes no line breaks
    # The server counts "NATS/1.0", and each header with ": " and the end of its line.
    size = len(body) + 12 + sum(len(key) + len(value) + 4 for key, value in headers.items())
    return Parcel(message, Letter(subject.fill(message), body, headers), size)
