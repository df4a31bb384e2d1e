"""The message types that a bus knows by its listeners."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isabstract
from typing import Any

from ..domain.model import Message
from ..serialization.types import MessageTypes
from .listeners import Listeners


def find_message_types(listeners: Listeners[Any]) -> MessageTypes:
    """Return the classes that listeners hear for certain.

    These are the classes that they name and the subclasses that exist by now, without those that
    cannot be made. What hears every event, such as an included consumer, names none.

    Raises:
        ConfigurationError: two of them have one name and version.
    """
    found: dict[type[Message[Any]], None] = {}
    for target in listeners.targets:
        known = (target.declared, *subclasses(target.origin, set()))
        found |= {
            kind: None
            for kind in known
            if can_be_made(kind) and (kind is target.declared or target.match(kind) is True)
        }
    return MessageTypes([*found])


def can_be_made(kind: type[Message[Any]]) -> bool:
    """Return whether a class is no base: it is not abstract, and has default metadata."""
    field = kind.model_fields.get("metadata")
    return not (isabstract(kind) or field is None or field.is_required())


def subclasses(base: type[Any], known: set[type]) -> Iterator[type[Any]]:
    """Yield the classes below a class that are not known yet, and add them to these."""
    for subclass in base.__subclasses__():
        if subclass not in known:
            known.add(subclass)
            yield subclass
            yield from subclasses(subclass, known)
