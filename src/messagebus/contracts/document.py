"""AsyncAPI documents as they are read: the messages that each side of a contract names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from ..exceptions import ConfigurationError
from .places import broker_of
from .values import shown
from .views import Node, Schemas

Action: TypeAlias = Literal["send", "receive"]

_ACTIONS = ("send", "receive")


@dataclass(frozen=True, slots=True)
class DocumentedMessage:
    """A message of a document.

    Attributes:
        address: the address of its channel; None if it is unknown.
        parts: the schemas of its payload and of what is beside it, by the name of the part.
        ordering_key: the field that its ordering key is taken from; None if it has none.
        upcast_from: the types that are read as this one.
    """

    address: str | None
    parts: Mapping[str, Node]
    ordering_key: str | None
    upcast_from: frozenset[str]


class Document:
    """An AsyncAPI document of version 3.

    Args:
        content: the document, as plain values.
        name: what to call it in errors.

    Attributes:
        root: the document; references start from it.
        messages: the messages by action and name.
        transports: by action, the adapters of the channels, such as ``redis``; ``unknown`` for a
            channel that does not tell.

    Raises:
        ConfigurationError: it is no such document, or refers to something that it does not have.
    """

    def __init__(self, content: object, name: str) -> None:
        if not isinstance(content, dict) or not str(content.get("asyncapi")).startswith("3."):
            text = f"{name} is no AsyncAPI document of version 3"
            advice = "Name what `messagebus contracts APP` has written."
            raise ConfigurationError(text, advice=advice)
        self.root: Node = content
        self._name = name
        self._schemas = Schemas(content)
        self.messages: dict[tuple[Action, str], DocumentedMessage] = {}
        self.transports: dict[Action, set[str]] = {}
        for operation in self._follow(content.get("operations", {})).values():
            self._add(self._follow(operation))

    def _add(self, operation: Mapping[str, Any]) -> None:
        action = operation.get("action")
        if action not in _ACTIONS:
            text = f"{self._name} has an operation that neither sends nor receives"
            raise ConfigurationError(text)
        channel = self._follow(operation.get("channel", {}))
        self.transports.setdefault(action, set()).add(broker_of(channel) or "unknown")
        for key, message in self._messages_of(operation, channel):
            name = str(message.get("name", key))
            documented = DocumentedMessage(
                channel.get("address"),
                self._parts_of(message),
                message.get("x-ordering-key"),
                frozenset(map(str, self._list_of(message, "x-upcast-from"))),
            )
            if self.messages.setdefault((cast("Action", action), name), documented) != documented:
                text = f"{self._name} has several messages {name!r} to {action}"
                raise ConfigurationError(text)

    def _messages_of(
        self, operation: Mapping[str, Any], channel: Mapping[str, Any]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if "messages" in operation:
            for each in self._list_of(operation, "messages"):
                message = self._follow(each)
                yield str(each.get("$ref")).rpartition("/")[2], message
        else:  # all of the channel
            for key, each in self._follow(channel.get("messages", {})).items():
                yield key, self._follow(each)

    def _parts_of(self, message: Mapping[str, Any]) -> dict[str, Node]:
        parts = {"": message.get("payload", {})}
        for name in ("headers", "x-properties"):
            if name in message:
                parts[name.removeprefix("x-")] = message[name]
        return {
            name: part.get("schema", part)
            if isinstance(part, Mapping) and "schemaFormat" in part
            else part
            for name, part in parts.items()
        }

    def _list_of(self, node: Mapping[str, Any], name: str) -> list[Any]:
        found = node.get(name, [])
        if not isinstance(found, list):
            text = f"{self._name} has {shown(found)} as {name!r}, where a list must be"
            raise ConfigurationError(text)
        return found

    def _follow(self, node: Any) -> Mapping[str, Any]:
        """Return an object, or the one that it refers to if it is a reference."""
        seen = set()
        while isinstance(node, Mapping) and "$ref" in node:
            ref = str(node["$ref"])
            found = None if ref in seen else self._schemas.find(ref)
            if not isinstance(found, Mapping):
                text = f"{self._name} refers to {ref!r}, which it does not have"
                raise ConfigurationError(text)
            seen.add(ref)
            node = found
        if not isinstance(node, Mapping):
            text = f"{self._name} has {shown(node)} where an object must be"
            raise ConfigurationError(text)
        return node
