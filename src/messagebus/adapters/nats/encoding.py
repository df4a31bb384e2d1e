"""The encoding of a message for JetStream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._transport.encoding import Parcel, id_of, json_of
from .subject import SubjectTemplate


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is published.

    Attributes:
        subject: the subject to publish to.
        body: the message as JSON.
        headers: the headers for JetStream: the expected stream and the identifier.
    """

    subject: str
    body: bytes
    headers: dict[str, str]


def encode(message: Mapping[str, Any], subject: SubjectTemplate, stream: str) -> Parcel[Letter]:
    """Encode a message as a letter for a stream.

    Raises:
        MessageRejectedError: the message has no valid subject.
        TypeError: JSON cannot express a value.
        ValueError: JSON cannot express a value, or a string is not valid Unicode.
    """
    body = json_of(dict(message)).encode()
    headers = {"Nats-Expected-Stream": stream}
    if id := id_of(message):
        headers["Nats-Msg-Id"] = quote(id, safe="")  # a header cannot contain line breaks
    # The server counts "NATS/1.0", and each header with ": " and the end of its line.
    size = len(body) + 12 + sum(len(key) + len(value) + 4 for key, value in headers.items())
    return Parcel(message, Letter(subject.fill(message), body, headers), size)
