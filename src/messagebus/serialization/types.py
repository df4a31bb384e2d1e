"""Message types by name: the class that reads the messages of a name and version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._compat.callables import describe
from ..domain.model import Message, Metadata
from ..exceptions import ConfigurationError
from .wire import wire_type

MessageType = type[Message[Any]]
TypesOrMapping = Iterable[MessageType] | Mapping[tuple[str, int], MessageType]


class MessageTypes(Mapping[tuple[str, int], MessageType]):
    """The class for each name and version of a message.

    All parametrisations of one generic class are one type: what is sent does not say which of
    them it is. Where several are given, a message is read as the one that its payload fits best,
    by pydantic's rules for unions. A class that replaces another one under the same module and
    name, as after a reload, takes its place.

    Args:
        types: the classes, found by the names and versions in the defaults of their metadata; or
            a mapping from name and version to the class, where that is not the default.

    Raises:
        ConfigurationError: a class has no default metadata, or two classes have the same name
            and version.
    """

    def __init__(self, types: TypesOrMapping) -> None:
        self._candidates: dict[tuple[str, int], tuple[MessageType, ...]] = {}
        if isinstance(types, MessageTypes):
            self._candidates = {**types._candidates}
            return
        if isinstance(types, Mapping):
            self._candidates = {key: (kind,) for key, kind in types.items()}
            _refuse_strangers(types.values())
            return
        types = [*types]
        _refuse_strangers(types)
        for kind in types:
            if declared_metadata(kind) is None:
                text = f"{kind} has no default metadata to take its name and version from"
                advice = "Give its field metadata a default, or pass a mapping to MessageTypes."
                raise ConfigurationError(text, message_type=kind, advice=advice)
        for key, kinds in by_wire_type(types).items():
            if len(kinds) > 1:
                one, two = [*kinds][:2]
                text = f"{one} and {two} are both {wire_type(*key)}"
                advice = "Give one of them another name in its metadata, or another version."
                raise ConfigurationError(text, message_type=kinds[two][-1], advice=advice)
            self._candidates[key] = tuple(*kinds.values())

    def __getitem__(self, key: tuple[str, int]) -> MessageType:
        """Return the class; the generic class where several parametrisations of it are known."""
        kind, *others = self._candidates[key]
        return generic_of(kind) if others else kind

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._candidates)

    def __len__(self) -> int:
        return len(self._candidates)

    def __repr__(self) -> str:
        known = ", ".join(f"{wire_type(*key)}: {self[key].__qualname__}" for key in self)
        return f"<{type(self).__name__} {known}>"

    def candidates(self, name: str, schema_version: int) -> tuple[MessageType, ...]:
        """Return the class, or all known parametrisations of it; none if it is unknown."""
        return self._candidates.get((name, schema_version), ())


def _refuse_strangers(types: Iterable[object]) -> None:
    for each in types:
        if not (isinstance(each, type) and issubclass(each, Message)):
            text = f"{each!r} is no class of messages"
            raise ConfigurationError(text, message_type=each)


def by_wire_type(
    types: Iterable[MessageType],
) -> dict[tuple[str, int], dict[str, list[MessageType]]]:
    """Group classes by name and version, and by the class of which they are parametrisations.

    Classes without default metadata are left out.

    Returns:
        For each name and version the classes by the name of their generic class. More than one
        name means that different classes share the name and version.
    """
    found: defaultdict[tuple[str, int], dict[str, dict[str, MessageType]]] = defaultdict(dict)
    for kind in types:
        metadata = declared_metadata(kind)
        if metadata is not None:
            # A module that was reloaded has made its classes anew, under the same names.
            known = found[metadata.name, metadata.schema_version]
            known.setdefault(describe(generic_of(kind)), {})[describe(kind)] = kind
    return {
        key: {name: [*kinds.values()] for name, kinds in known.items()}
        for key, known in found.items()
    }


def generic_of(kind: MessageType) -> MessageType:
    """Return the generic class that a class is a parametrisation of, or else the class itself."""
    origin: Any = kind.__pydantic_generic_metadata__["origin"]
    return origin or kind


def declared_metadata(kind: MessageType) -> Metadata | None:
    """Return the metadata that a message class declares; None if each message brings its own."""
    field = kind.model_fields["metadata"]
    metadata = field.default  # frozen, so it needs no copy, which takes longer than the payload
    if field.default_factory is not None:
        try:
            metadata = field.get_default(call_default_factory=True)
        except Exception:  # noqa: BLE001 - a factory that needs a message
            return None
    return metadata if isinstance(metadata, Metadata) else None
