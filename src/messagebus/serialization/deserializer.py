"""Deserializers: from the mapping that a transport sends back to a message."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import Any

from .._compat.callables import refuse_wrong_colour
from ..domain.model import Message, Metadata, load_best
from ..exceptions import UnknownMessageTypeError, UnreadableMessageError
from .envelope import Envelope
from .types import MessageType, MessageTypes, declared_metadata


class AbstractMessageDeserializer(abc.ABC):
    """Turn what a serializer has written back into a message."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_wrong_colour(cls)

    @abc.abstractmethod
    def deserialize_message(self, wire: Mapping[str, Any]) -> Message[Any]:
        """Create the message that a wire message stands for.

        Args:
            wire: the mapping as the sender gave it to its transport. It comes from outside, and
                may contain anything.

        Returns:
            The message, with the identifier and the time of the wire message.

        Raises:
            UnknownMessageTypeError: no class is known for its name and version.
            UnreadableMessageError: it is no message of that class.
        """


class MessageDeserializer(AbstractMessageDeserializer):
    """The inverse of *MessageSerializer*.

    The identifier and the time of a message are those of the wire message, and its metadata are
    those of its class, whatever its payload says.

    Args:
        types: the classes of messages.
    """

    def __init__(
        self, types: MessageTypes | Iterable[MessageType] | Mapping[tuple[str, int], MessageType]
    ) -> None:
        self.types = types if isinstance(types, MessageTypes) else MessageTypes(types)

    def deserialize_message(self, wire: Mapping[str, Any]) -> Message[Any]:
        """Create the message that a wire message stands for.

        Args:
            wire: the mapping as the sender gave it to its transport.

        Returns:
            The message.

        Raises:
            UnknownMessageTypeError: no class is known for its name and version.
            UnreadableMessageError: a key is missing or has no such meaning, the payload is not
                the JSON of an object, or the class does not accept it.
        """
        envelope = Envelope.of(wire)
        name, version = envelope.name, envelope.schema_version
        candidates = () if version is None else self.types.candidates(name, version)
        if version is None or not candidates:
            raise UnknownMessageTypeError(name, version, envelope.message_id)
        kind, payload = candidates[0], wire.get("payload")
        if not isinstance(payload, str):
            given = (
                "no payload" if payload is None else f"a payload of type {type(payload).__name__}"
            )
            raise UnreadableMessageError(wire, f"it has {given}", envelope.message_id, kind)
        try:
            return _load(candidates, payload, envelope)
        except Exception as error:  # whatever the class raises for what came from outside
            reason = "its payload does not fit"
            raise UnreadableMessageError(wire, reason, envelope.message_id, kind) from error


def _load(candidates: tuple[MessageType, ...], payload: str, envelope: Envelope) -> Message[Any]:
    given = {
        "message_id": envelope.message_id,
        "created_at": envelope.created_at,
        "metadata": _metadata_of(candidates[0], envelope),
    }
    message = load_best(candidates, payload, given)
    vars(message).update(given)  # an alias in the payload may have won over the name of a field
    return message


def _metadata_of(kind: MessageType, envelope: Envelope) -> Metadata:
    declared = declared_metadata(kind)
    if declared is not None:
        return declared
    named = {"name": envelope.name, "schema_version": envelope.schema_version}
    annotation: Any = kind.model_fields["metadata"].annotation
    if isinstance(annotation, type) and issubclass(annotation, Metadata):
        return annotation.model_validate(named)
    return Metadata.model_validate(named)
