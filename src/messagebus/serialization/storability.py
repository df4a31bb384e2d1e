"""The content that every store keeps unchanged, and that every reader of JSON understands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..domain.model import Message, Metadata, ordering_key_of
from ..exceptions import UnstorableMessageError
from .serializer import AbstractMessageSerializer, MessageSerializer, serialize_payload
from .wire import ENVELOPE

_LARGEST_VERSION = 2**31 - 1


class Storable(NamedTuple):
    """The parts of a message that a store keeps.

    Attributes:
        payload: its fields, as the serializer has written them.
        metadata: its metadata, as plain data.
        ordering_key: what it must stay in order with; None if it has no such key.
    """

    payload: str
    metadata: dict[str, Any]
    ordering_key: str | None


def storable(message: Message[Any], serializer: AbstractMessageSerializer) -> Storable:
    """Return the parts of a message that a store keeps.

    Raises:
        UnstorableMessageError: some database would refuse or change the message.
    """
    metadata = message.metadata
    try:
        payload = serialize_payload(serializer, message)
        # The plain class has nothing but fields of plain types, and pydantic would take longer.
        is_plain = type(metadata) is Metadata
        details = {**vars(metadata)} if is_plain else metadata.model_dump(mode="json")
        key = ordering_key_of(message)
    except UnstorableMessageError:
        raise
    except Exception as error:
        raise UnstorableMessageError(message, str(error)) from error
    is_json = type(serializer) is MessageSerializer
    if reason := _objection(message, payload, details, key, is_json=is_json):
        raise UnstorableMessageError(message, reason)
    return Storable(payload, details, key)


def _objection(
    message: Message[Any],
    payload: str,
    details: Mapping[str, Any],
    key: str | None,
    *,
    is_json: bool,
) -> str | None:
    """Return what some database, or some reader of JSON, would refuse or change."""
    metadata = message.metadata
    if message.created_at.tzinfo is None:
        return "created_at has no time zone"
    if key is not None and not is_text(key):
        return "its ordering key contains a NUL or a lone surrogate"
    if not is_json:
        if not is_text(payload):
            return "its payload contains a NUL or a lone surrogate"
    elif not payload.startswith("{"):
        return "its fields are not a JSON object"
    # NaN and infinity become null, or invalid JSON, unless the class writes them as strings.
    elif ("null" in payload or "NaN" in payload or "Infinity" in payload) and (
        message.model_config.get("ser_json_inf_nan") != "strings"
        and not _is_finite(message.model_dump(exclude=ENVELOPE))
    ):
        return "a number in it is not finite"
    if not 0 <= metadata.schema_version <= _LARGEST_VERSION:
        return f"its schema version {metadata.schema_version} is not in 0..{_LARGEST_VERSION}"
    if type(metadata) is Metadata:
        if not is_text(metadata.name):
            return "its name contains a NUL or a lone surrogate"
    elif not (_is_storable(details) and _is_finite(metadata.model_dump())):
        return "its metadata contain a NUL, a lone surrogate, or a number that is not finite"
    return None


def _is_finite(value: Any) -> bool:
    """Return whether all numbers in a value are finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    return all(map(_is_finite, _parts(value)))


def _is_storable(value: Any) -> bool:
    """Return whether PostgreSQL accepts all strings in a value."""
    if isinstance(value, str):
        return is_text(value)
    if isinstance(value, Mapping) and not all(map(is_text, value)):
        return False
    return all(map(_is_storable, _parts(value)))


def is_text(string: str) -> bool:
    """Tell whether a string has no NUL and no lone surrogate, which PostgreSQL refuses."""
    try:
        string.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return "\0" not in string


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()
