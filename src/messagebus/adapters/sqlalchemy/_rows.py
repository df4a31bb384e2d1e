"""A message as it is stored: from the message to the row, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import signature
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ...domain.model import GenericCommand, Message, Metadata
from ...exceptions import ConfigurationError, UnknownMessageTypeError, UnstorableMessageError
from .tables import PENDING

_ENVELOPE = {"message_id", "created_at", "metadata"}
_LARGEST_VERSION = 2**31 - 1

# A model is written by the names of its fields, also where it has aliases.
_BY_NAME: dict[str, Any] = (
    {"by_name": True, "by_alias": True}
    if "by_name" in signature(BaseModel.model_validate_json).parameters
    else {}
)

MessageTypes = Mapping[tuple[str, int], type[Message[Any]]]
"""The class for each name and version."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the store has it.

    Attributes:
        position: its place in the store; positions have gaps.
        message_id: its identifier.
        created_at: when it was made, in UTC.
        name: the name of its schema.
        schema_version: the version of its schema.
        kind: ``command`` or ``event``.
        metadata: all that its metadata say.
        payload: its own fields as JSON text.
        published: whether it goes to the eventstream.
        causation_id: the message whose handling raised it; None for the first of a cascade.
        correlation_id: the first message of the cascade.
        state: how far it has come on its way to the eventstream; None if it is not published.
        attempts: how often it was tried to send it.
        next_attempt_at: when it may be tried again, in UTC; None if it has not failed.
        delivered_at: when it was sent, in UTC.
        parked_at: when it was parked, in UTC.
        reason: what went wrong the last time.
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

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> StoredMessage:
        """Make a record of a row that has all columns in the order of the table."""
        values: Iterable[Any] = (
            each.astimezone(UTC) if isinstance(each, datetime) else each for each in row
        )
        return cls(*values)

    def to_message(self, types: MessageTypes) -> Message[Any]:
        """Make the message of its class.

        Args:
            types: the class for each name and version, as *message_types* gives them.

        Raises:
            UnknownMessageTypeError: there is none for this name and version.
            pydantic.ValidationError: the class does not take what is stored.
        """
        kind = types.get((self.name, self.schema_version))
        if kind is None:
            raise UnknownMessageTypeError(self.name, self.schema_version, self.position)
        head = {
            "message_id": str(self.message_id),
            "created_at": self.created_at.isoformat(),
            "metadata": self.metadata,
        }
        # The payload is spliced in as it is: numbers of any size stay what they are.
        body = self.payload[1:]
        text = json.dumps(head)[:-1] + ("}" if body == "}" else f", {body}")
        return kind.model_validate_json(text, **_BY_NAME)


def serialized(row: Any) -> dict[str, Any]:
    """Return what a transport sends for a stored message.

    Args:
        row: a record, or a row with the columns of one that are needed.

    Returns:
        ``id``, ``created_at`` (ISO 8601), ``type`` (``<name>_v<schema_version>``), ``payload``
        (JSON text), ``causation_id`` (None for the first of a cascade) and ``correlation_id``.
    """
    return {
        "id": str(row.message_id),
        "created_at": row.created_at.astimezone(UTC).isoformat(),
        "type": f"{row.name}_v{row.schema_version}",
        "payload": row.payload,
        "causation_id": None if row.causation_id is None else str(row.causation_id),
        "correlation_id": str(row.correlation_id),
    }


def message_types(types: Iterable[type[Message[Any]]] | MessageTypes) -> MessageTypes:
    """Find the name and version of each class in the default of its metadata.

    Args:
        types: the classes; a mapping from name and version to the class is returned as it is.

    Raises:
        ConfigurationError: a class has no default metadata, or two have the same name and
            version.
    """
    if isinstance(types, Mapping):
        return types
    found: dict[tuple[str, int], type[Message[Any]]] = {}
    for kind in types:
        metadata = kind.model_fields["metadata"].default
        if not isinstance(metadata, Metadata):
            text = f"{kind} has no default metadata, which would tell its name and version"
            raise ConfigurationError(text, message_type=kind)
        key = (metadata.name, metadata.schema_version)
        if found.setdefault(key, kind) is not kind:
            text = f"{found[key]} and {kind} are both {key[0]!r} version {key[1]}"
            raise ConfigurationError(text, message_type=kind)
    return found


def new_row(
    message: Message[Any], causation_id: UUID | None, correlation_id: UUID | None
) -> dict[str, Any]:
    """Return the row for a message that is handled.

    Args:
        message: the message.
        causation_id: the message whose handling raised it.
        correlation_id: the first message of the cascade; by default the message itself.

    Raises:
        UnstorableMessageError: it would not come back from every database as it was.
    """
    metadata = message.metadata
    try:
        payload = message.model_dump_json(exclude=_ENVELOPE)
        # All that the plain class has, and several times faster than asking pydantic.
        details = (
            {
                "name": metadata.name,
                "schema_version": metadata.schema_version,
                "published": metadata.published,
            }
            if type(metadata) is Metadata
            else metadata.model_dump(mode="json")
        )
    except Exception as error:
        raise UnstorableMessageError(message, str(error)) from error
    if reason := _objection(message, payload, details):
        raise UnstorableMessageError(message, reason)
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
    }


def _objection(message: Message[Any], payload: str, details: Mapping[str, Any]) -> str | None:
    """Say what some database, or some reader of JSON, would refuse or change."""
    if message.created_at.tzinfo is None:
        return "created_at has no time zone"
    if not payload.startswith("{"):
        return "its fields are no JSON object"
    # NaN and infinity become null, or what is no JSON, unless the class wants them as strings.
    if ("null" in payload or "NaN" in payload or "Infinity" in payload) and (
        message.model_config.get("ser_json_inf_nan") != "strings"
        and not _is_finite(message.model_dump(exclude=_ENVELOPE))
    ):
        return "a number in it is not finite"
    if not 0 <= message.metadata.schema_version <= _LARGEST_VERSION:
        return f"there is no schema version {message.metadata.schema_version}"
    if type(message.metadata) is Metadata:
        if not _is_text(message.metadata.name):
            return "its name contains a NUL, or half a character"
    elif not (_is_storable(details) and _is_finite(message.metadata.model_dump())):
        return "its metadata contain a NUL, half a character, or a number that is not finite"
    return None


def _is_finite(value: Any) -> bool:
    """Tell whether all numbers are finite that a value consists of."""
    if isinstance(value, float):
        return math.isfinite(value)
    return all(map(_is_finite, _parts(value)))


def _is_storable(value: Any) -> bool:
    """Tell whether PostgreSQL takes all texts that a value consists of."""
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, Mapping) and not all(map(_is_text, value)):
        return False
    return all(map(_is_storable, _parts(value)))


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()
