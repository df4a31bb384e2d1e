"""Deserializers: from the mapping that a transport sends back to a message."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json

from .._compat.callables import refuse_wrong_colour
from ..domain.model import Message, Metadata, load_best
from ..exceptions import UnknownMessageTypeError, UnreadableMessageError, UpcastError
from .envelope import Envelope
from .types import MessageType, MessageTypes, TypesOrMapping, declared_metadata
from .upcasters import Chain, Upcasters


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
        upcasters: lead from versions that have no class to one that has.

    Raises:
        ConfigurationError: the types or the upcasters contradict each other, see there.
    """

    def __init__(self, types: TypesOrMapping, upcasters: Upcasters | None = None) -> None:
        self.types: MessageTypes = types if isinstance(types, MessageTypes) else MessageTypes(types)
        self._chains = upcasters.chains(self.types, type(self).__name__) if upcasters else {}
        self._declared: dict[MessageType, Metadata] = {}

    @property
    def upcast_versions(self) -> dict[tuple[str, int], int]:
        """The names and versions that are upcast, each with the version of its class."""
        return {key: chain.schema_version for key, chain in self._chains.items()}

    def deserialize_message(self, wire: Mapping[str, Any]) -> Message[Any]:
        """Create the message that a wire message stands for.

        Args:
            wire: the mapping as the sender gave it to its transport.

        Returns:
            The message.

        Raises:
            UnknownMessageTypeError: neither a class nor an upcaster is known for its name and
                version.
            UpcastError: an upcaster has failed.
            UnreadableMessageError: a key is missing or has no such meaning, the payload is not
                the JSON of an object, or the class does not accept it.
        """
        envelope = Envelope.of(wire)
        name, version, id = envelope.name, envelope.schema_version, envelope.message_id
        chain = self._chains.get((name, version)) if self._chains and version is not None else None
        target = version if chain is None else chain.schema_version
        candidates = () if target is None else self.types.candidates(name, target)
        if target is None or not candidates:
            raise UnknownMessageTypeError(name, version, id)
        kind, payload = candidates[0], wire.get("payload")
        if not isinstance(payload, str):
            given = f"a payload of type {type(payload).__name__}"
            reason = f"it has {'no payload' if payload is None else given}"
            raise UnreadableMessageError(wire, reason, id, kind)
        try:
            if chain is not None:
                payload = _upcast(wire, payload, envelope, chain)
                envelope = envelope._replace(schema_version=target)
            head = {
                "message_id": envelope.message_id,
                "created_at": envelope.created_at,
                "metadata": self._metadata_of(kind, envelope),
            }
            return load_best(candidates, payload, head)
        except UpcastError:
            raise
        except Exception as error:  # whatever the class raises for what came from outside
            raise UnreadableMessageError(wire, "its payload does not fit", id, kind) from error

    def _metadata_of(self, kind: MessageType, envelope: Envelope) -> Metadata:
        known = self._declared.get(kind)
        if known is not None:
            return known
        declared = declared_metadata(kind)
        if declared is None:
            named = {"name": envelope.name, "schema_version": envelope.schema_version}
            annotation: Any = kind.model_fields["metadata"].annotation
            has_class = isinstance(annotation, type) and issubclass(annotation, Metadata)
            return (annotation if has_class else Metadata).model_validate(named)
        if kind.model_fields["metadata"].default_factory is None:
            self._declared[kind] = declared
        return declared


def _upcast(wire: Mapping[str, Any], payload: str, envelope: Envelope, chain: Chain) -> str:
    fields = from_json(payload)
    if not isinstance(fields, dict):
        text = f"the payload is no JSON object but a {type(fields).__name__}"
        raise TypeError(text)
    for version, step in chain.steps:
        try:
            returned = step(fields)
        except Exception as error:
            problem = _problem(wire, envelope, version, f"raised {type(error).__name__}: {error}")
            raise problem from error
        if not isinstance(returned, Mapping):
            kind = type(returned).__name__
            raise _problem(wire, envelope, version, f"returned a {kind} instead of a payload")
        fields = dict(returned)
    return to_json(fields).decode()


def _problem(wire: Mapping[str, Any], envelope: Envelope, version: int, reason: str) -> UpcastError:
    return UpcastError(wire, envelope.message_id, envelope.name, version, reason)
