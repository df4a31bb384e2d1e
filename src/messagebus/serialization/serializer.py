"""Serializers: from a message to the mapping that a transport sends."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from .._compat.callables import refuse_wrong_colour
from ..domain.model import Message
from ..exceptions import UnstorableMessageError
from .wire import ENVELOPE, to_wire


class AbstractMessageSerializer(abc.ABC):
    """Turn a message into Python native types that a transport can send."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_wrong_colour(cls)

    @abc.abstractmethod
    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Serialize a message for the eventstream.

        Args:
            message: the message to publish.

        Returns:
            A mapping of native types, ready for *send_message_serialized* of a transport.
        """


class MessageSerializer(AbstractMessageSerializer):
    """The default format: an envelope around the message's own fields as a JSON string."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Serialize a message for the eventstream.

        Args:
            message: the message to publish.

        Returns:
            ``id``, ``created_at`` (ISO 8601), ``type`` (``<name>_v<schema_version>``) and
            ``payload``: the message as JSON, without the fields that the other keys cover.
        """
        return to_wire(message, message.model_dump_json(exclude=ENVELOPE))


def serialize_payload(serializer: AbstractMessageSerializer, message: Message[Any]) -> str:
    """Return the payload to store with a message.

    Only the payload of a serializer is stored; the other keys are rebuilt from the row when it
    is sent. A serializer that returns anything else in them is refused.

    Raises:
        UnstorableMessageError: the mapping of the serializer has no string as its payload, or
            a key that would be lost.
    """
    if type(serializer) is MessageSerializer:
        # Twice as fast as building the whole mapping for the sake of its payload.
        return message.model_dump_json(exclude=ENVELOPE)
    name = type(serializer).__name__
    wire = dict(serializer.serialize_message(message))
    payload = wire.pop("payload", None)
    standard = to_wire(message, "").items()
    if lost := [repr(key) for key, value in wire.items() if (key, value) not in standard]:
        reason = f"{name} returned keys that are not stored: {', '.join(lost)}"
        advice = (
            "Put what they say into the payload. Besides it, return only id, created_at and type "
            "with the values of MessageSerializer, or none of them."
        )
        raise UnstorableMessageError(message, reason, advice=advice)
    if not isinstance(payload, str):
        kind = "no payload" if payload is None else f"a payload of type {type(payload).__name__}"
        advice = "Return a string as payload; encode bytes, for example as Base64."
        raise UnstorableMessageError(message, f"{name} returned {kind}", advice=advice)
    return payload
