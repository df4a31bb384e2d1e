"""The contract of an application: the messages that it publishes and consumes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..description import DescribedMessage, describe_with_classes
from ..description.reading import AnyBus
from ..exceptions import ConfigurationError
from ..serialization.deserializer import MessageDeserializer
from ..serialization.types import MessageType, MessageTypes, generic_of
from ..serialization.wire import wire_type
from .payloads import Mode, Schema, payload_schema


@dataclass(frozen=True, slots=True)
class ContractMessage:
    """A message of a contract.

    Attributes:
        type: the name and version of its schema.
        classes: its class, or all parametrisations of a generic class.
        upcast_from: the types of older versions that are read as this one.
    """

    type: str
    classes: Sequence[MessageType]
    upcast_from: Sequence[str] = ()

    @property
    def title(self) -> str:
        """The name of its class."""
        return generic_of(self.classes[0]).__name__

    @property
    def summary(self) -> str | None:
        """The first line of the docstring of its class."""
        doc = (vars(generic_of(self.classes[0])).get("__doc__") or "").strip()
        return doc.partition("\n")[0] or None

    @property
    def ordering_key(self) -> str | None:
        """The field or property that its ordering key is taken from; None if it has none."""
        return self.classes[0].ordering_key

    def schema(self, mode: Mode) -> Schema:
        """Return the JSON Schema of its payload.

        Args:
            mode: ``serialization`` for what is written, ``validation`` for what is accepted.
        """
        return payload_schema(self.classes, mode)


@dataclass(frozen=True, slots=True)
class Contract:
    """What an application publishes and consumes.

    Attributes:
        published: the messages that it publishes, in the order of their types.
        consumed: the messages that it takes from others, in the same order.
    """

    published: Sequence[ContractMessage]
    consumed: Sequence[ContractMessage]


def contract_of(
    bus: AnyBus,
    *,
    publishes: Collection[str] | None = None,
    consumes: Collection[str] | None = None,
    deserializer: object = None,
) -> Contract:
    """Return the contract of an application. Call it when all listeners are registered.

    Its messages are those of *describe*, as far as their classes have default metadata.

    Args:
        bus: its bus, of either colour.
        publishes: the names or types of the messages that it publishes; by default, those whose
            metadata say so.
        consumes: the names or types of the messages that it takes from others; by default, those
            that a listener hears, and that no listener raises as far as code tells.
        deserializer: that of its consumer; the older versions that a *MessageDeserializer*
            upcasts are in the contract.

    Raises:
        ConfigurationError: two classes have one name and version, or no message has a given name.
    """
    description, classes = describe_with_classes(bus)
    named = [each for each in description.messages if each.name is not None]
    raised = {path for each in description.listeners for path in each.raises}
    if publishes is None:
        published = [each for each in named if each.published]
    else:
        published = _chosen(named, publishes)
    if consumes is None:
        consumed = [each for each in named if each.listeners and each.path not in raised]
    else:
        consumed = _chosen(named, consumes)
    return Contract(
        _messages(classes[each.path] for each in published),
        _messages((classes[each.path] for each in consumed), _upcasts(deserializer)),
    )


def _messages(
    kinds: Iterable[MessageType], upcasts: Mapping[str, Sequence[str]] | None = None
) -> list[ContractMessage]:
    types = MessageTypes(kinds)
    found = {wire_type(*key): _bound(types.candidates(*key)) for key in types}
    return [
        ContractMessage(title, candidates, (upcasts or {}).get(title, ()))
        for title, candidates in sorted(found.items())
    ]


def _bound(kinds: Sequence[MessageType]) -> Sequence[MessageType]:
    """Return classes without the generic one, if there are parametrisations of it."""
    return [each for each in kinds if each is not generic_of(kinds[-1])] or kinds


def _upcasts(deserializer: object) -> dict[str, list[str]]:
    """Return the older types that are read as a newer one, by that."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    if isinstance(deserializer, MessageDeserializer):
        for (name, version), target in sorted(deserializer.upcast_versions.items()):
            found[wire_type(name, target)].append(wire_type(name, version))
    return found


def _chosen(messages: Sequence[DescribedMessage], names: Collection[str]) -> list[DescribedMessage]:
    """Return the messages with names or types.

    Raises:
        ConfigurationError: there is no message with one of them.
    """
    found = {id: {each.name, _type_of(each)} for id, each in enumerate(messages)}
    for name in sorted(names):
        if not any(name in each for each in found.values()):
            text = f"The bus has no message {name!r}"
            advice = "`messagebus describe` shows the messages of a bus."
            raise ConfigurationError(text, advice=advice)
    return [messages[id] for id, each in found.items() if not each.isdisjoint(names)]


def _type_of(message: DescribedMessage) -> str:
    return wire_type(str(message.name), int(message.schema_version or 0))
