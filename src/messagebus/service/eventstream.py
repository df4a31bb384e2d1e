"""From a message to what a transport can send."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from ..domain.model import Message

_ENVELOPE = {"message_id", "created_at", "metadata"}


class AbstractMessageSerializer(abc.ABC):
    """Turn a message into Python native types that a transport can send."""

    @abc.abstractmethod
    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Serialize a message for the eventstream.

        Args:
            message: the message to publish.

        Returns:
            A mapping of native types, ready for *send_message_serialized* of a transport.
        """


class MessageSerializer(AbstractMessageSerializer):
    """The default format: an envelope around the message's own fields as JSON text."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Serialize a message for the eventstream.

        Args:
            message: the message to publish.

        Returns:
            ``id``, ``created_at`` (ISO 8601), ``type`` (``<name>_v<schema_version>``) and
            ``payload``, the JSON text of the message without what the other keys tell.
        """
        metadata, id = message.metadata, message.message_id
        return {
            # What str gives, in a third of the time: that of a UUID is plain Python.
            "id": to_jsonable_python(id) if type(id) is UUID else str(id),
            "created_at": message.created_at.isoformat(),
            "type": f"{metadata.name}_v{metadata.schema_version}",
            "payload": message.model_dump_json(exclude=_ENVELOPE),
        }
