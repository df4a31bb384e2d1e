"""The rows of the eventstore: from a message to its row, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from pydantic import ValidationError

from ...domain.model import GenericCommand, Message, restore_metadata
from ...exceptions import (
    ConfigurationError,
    UnknownMessageTypeError,
    UnreadableMessageError,
)
from ...serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from ...serialization.serializer import AbstractMessageSerializer, MessageSerializer
from ...serialization.storability import is_text, storable
from ...serialization.wire import row_to_wire
from .tables import PENDING

# Keys beside the metadata that no field can have.
_SERIALIZER = "messagebus.serializer"
_ORIGINAL = "messagebus.original"

AS_NEW: dict[str, Any] = {
    "state": PENDING,
    "attempts": 0,
    "next_attempt_at": None,
    "reason": None,
}
"""The columns of a message that waits to be sent and was never tried."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is stored.

    Attributes:
        position: its position in the store; positions have gaps.
        message_id: its identifier.
        created_at: its creation time, in UTC.
        name: the name of its schema.
        schema_version: the version of its schema.
        kind: ``command`` or ``event``.
        metadata: all of its metadata.
        payload: its other fields, as JSON unless a serializer of the application wrote them.
        published: whether it goes to the eventstream.
        causation_id: the message whose handling raised it; None for the first of a cascade.
        correlation_id: the first message of the cascade.
        state: the state of its delivery; None if it is not published.
        attempts: the number of attempts to send it.
        next_attempt_at: when it may be tried again, in UTC; None if it has not failed.
        delivered_at: when it was sent, in UTC.
        parked_at: when it was parked, in UTC.
        reason: the error of the last attempt.
        ordering_key: what it must stay in order with; None if it has no such key.
        traceparent: the W3C trace context in which it was published; None if there is none.
        tracestate: what tracing systems have added to that.
    """

    position: int
    message_id: UUID
    created_at: datetime
    name: str
    schema_version: int
    kind: str
    metadata: Mapping[str, Any]
    payload: str
    published: bool
    causation_id: UUID | None
    correlation_id: UUID
    state: str | None
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    parked_at: datetime | None
    reason: str | None
    ordering_key: str | None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def serializer(self) -> str | None:
        """The serializer of the application that wrote the payload; None for the default one."""
        return self.metadata.get(_SERIALIZER)

    @property
    def original(self) -> str | None:
        """The payload before the first edit; None if it was not edited."""
        return self.metadata.get(_ORIGINAL)

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> StoredMessage:
        """Create a record from a row that has all columns in the order of the table."""
        values: Iterable[Any] = (
            each.astimezone(UTC) if isinstance(each, datetime) else each for each in row
        )
        return cls(*values)

    def to_message(self, deserializer: AbstractMessageDeserializer) -> Message[Any]:
        """Create the message of its class.

        It has the metadata that it was stored with; one that was upcast has those of its class.

        Args:
            deserializer: reads it as from a stream.

        Raises:
            UnknownMessageTypeError: no class is known for its name and version.
            UnreadableMessageError: it is no message of its class, an upcaster has failed, or a
                serializer of the application wrote the payload, which *MessageDeserializer*
                cannot read.
        """
        try:
            return self._read(deserializer)
        except (UnknownMessageTypeError, UnreadableMessageError) as error:
            error.position = self.position
            error.add_note(f"It is stored at position {self.position}.")
            raise

    def _read(self, deserializer: AbstractMessageDeserializer) -> Message[Any]:
        wire = row_to_wire(self)
        if self.serializer is not None and type(deserializer) is MessageDeserializer:
            raise UnreadableMessageError(
                wire,
                f"{self.serializer} wrote its payload",
                self.message_id,
                deserializer.types.get((self.name, self.schema_version)),
                advice="It needs a deserializer of the application that matches.",
            )
        message = deserializer.deserialize_message(wire)
        beside = {_SERIALIZER, _ORIGINAL}
        own = {name: value for name, value in self.metadata.items() if name not in beside}
        try:
            restore_metadata(message, own)
        except ValidationError as error:
            reason, kind = "its stored metadata do not fit", type(message)
            raise UnreadableMessageError(wire, reason, self.message_id, kind) from error
        return message


def new_row(
    message: Message[Any],
    causation_id: UUID | None,
    correlation_id: UUID | None,
    serializer: AbstractMessageSerializer,
) -> dict[str, Any]:
    """Return the row for a message that is handled.

    Args:
        message: the message.
        causation_id: the message whose handling raised it.
        correlation_id: the first message of the cascade; None for the message itself.
        serializer: writes the payload.

    Raises:
        UnstorableMessageError: some database would refuse or change the message.
    """
    metadata = message.metadata
    payload, details, key = storable(message, serializer)
    if type(serializer) is not MessageSerializer:
        details[_SERIALIZER] = type(serializer).__qualname__
    return {
        "message_id": message.message_id,
        "created_at": message.created_at.astimezone(UTC),
        "name": metadata.name,
        "schema_version": metadata.schema_version,
        "kind": "command" if isinstance(message, GenericCommand) else "event",
        "metadata": details,
        "payload": payload,
        "published": metadata.published,
        "causation_id": causation_id,
        "correlation_id": correlation_id or message.message_id,
        "state": PENDING if metadata.published else None,
        "ordering_key": key,
    }


def edited(record: StoredMessage, payload: str) -> dict[str, Any]:
    """Return the changed columns of a message whose payload is edited.

    Raises:
        ConfigurationError: some database, or some reader, would refuse the payload.
    """
    reason = None
    if not is_text(payload):
        reason = "contains a NUL or a lone surrogate"
    elif record.serializer is None and not _is_object(payload):
        reason = "is not a JSON object"
    if reason is not None:
        text = f"The new payload of the message {record.message_id} {reason}"
        raise ConfigurationError(text, advice="It is as before.")
    original = record.payload if record.original is None else record.original
    return {"payload": payload, "metadata": {**record.metadata, _ORIGINAL: original}}


def _is_object(payload: str) -> bool:
    try:
        return isinstance(json.loads(payload, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and infinity, which only Python reads."""
    raise ValueError(constant)
